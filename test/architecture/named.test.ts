import { describe, expect, it } from 'vitest';
import { ArchitectureError } from '../../src/architecture/faults.js';
import { namedArchitecture } from '../../src/architecture/named.js';
import { listArchitectures, UnknownArchitectureError } from '../../src/architecture/zoo.js';

const LIMITS = { maxNodes: 5000, maxParameters: 2e9 };
const SMALL = listArchitectures()
  .filter(({ nodes }) => nodes < 120)
  .map(({ name }) => name);

describe('an architecture with a name', () => {
  it('is read once, and stays in memory while it is among those used last', () => {
    const [first, ...others] = SMALL;
    const architecture = namedArchitecture(first, undefined, LIMITS);
    expect(namedArchitecture(first, undefined, LIMITS)).toBe(architecture);
    for (let classes = 1; classes <= 20; classes++) {
      namedArchitecture(others[0], classes, LIMITS);
      if (classes <= 10) expect(namedArchitecture(first, undefined, LIMITS)).toBe(architecture);
    }
    const again = namedArchitecture(first, undefined, LIMITS);
    expect(again).toEqual(architecture);
    expect(namedArchitecture(first, undefined, LIMITS)).toBe(again);
  });

  it('is another one for another number of classes', () => {
    const [name] = SMALL;
    const ten = namedArchitecture(name, 10, LIMITS);
    expect(ten).not.toEqual(namedArchitecture(name, undefined, LIMITS));
    expect(namedArchitecture(name, 10, LIMITS)).toBe(ten);
  });

  it('is checked against the limits of every caller', () => {
    const [name] = SMALL;
    namedArchitecture(name, undefined, LIMITS);
    expect(() => namedArchitecture(name, undefined, { ...LIMITS, maxNodes: 3 })).toThrow(ArchitectureError);
    expect(() => namedArchitecture(name, undefined, { ...LIMITS, maxParameters: 3 })).toThrow(
      ArchitectureError,
    );
  });

  it('is refused if it is unknown', () => {
    expect(() => namedArchitecture('resnet51', undefined, LIMITS)).toThrow(UnknownArchitectureError);
  });
});

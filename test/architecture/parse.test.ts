import { expect, it } from 'vitest';
import { layersSchema } from '../../src/architecture/layers/schema.js';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { graphSchema } from '../../src/architecture/schema.js';
import { faultsOf, LIMITS } from './fixtures.js';

it.each([
  ['graph', graphSchema],
  ['layers', layersSchema],
])('the example of the documentation is a network, as %s', (_, schema) => {
  const { nodes, name } = parseArchitecture(schema.meta()?.example, LIMITS);
  expect(name).toBe('tiny');
  expect(nodes.filter(({ classifier }) => classifier).map(({ id }) => id)).toEqual(['fc', 'fc.bias']);
});

it.each([
  [{ name: 'x' }, 'an object'],
  [[], 'an array of 0'],
  ['resnet50', '"resnet50"'],
  [null, 'null'],
])('%j is not an architecture', (input, shown) => {
  expect(faultsOf(() => parseArchitecture(input, LIMITS))).toEqual([
    {
      path: '',
      message: `expected an architecture, an object with one of \`nodes\`, \`layers\`, \`keras\`, not ${shown}`,
    },
  ]);
});

it('a value with the keys of both forms is a graph with an unknown key', () => {
  const both = { ...(graphSchema.meta()?.example as object), layers: [] };
  expect(faultsOf(() => parseArchitecture(both, LIMITS)).map(({ path }) => path)).toEqual(['/layers']);
});

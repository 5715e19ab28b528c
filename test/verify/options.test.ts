import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../src/verify/options.js';
import { networksToVerify } from '../../src/verify/verify.js';

describe('the arguments of the verify command', () => {
  it('are a checkpoint and options', () => {
    expect(parseOptions(['ghn.pt'])).toEqual({
      checkpoint: 'ghn.pt',
      family: null,
      norms: null,
      only: null,
      tolerance: null,
      write: null,
    });
    const args = [
      '--only',
      'resnet18, vgg16',
      'ghn.pt',
      '--family=ghn3-t',
      '--norms',
      'a.json',
      '--tolerance',
      '1e-5',
    ];
    expect(parseOptions(args)).toMatchObject({
      checkpoint: 'ghn.pt',
      family: 'ghn3-t',
      norms: 'a.json',
      only: ['resnet18', 'vgg16'],
      tolerance: 1e-5,
    });
  });

  it.each([
    [[], /name the checkpoint/],
    [['a.pt', 'b.pt'], /give only one checkpoint: "b.pt" is a second/],
    [['a.pt', '--family', 'ghn3-s'], /--family is one of ghn2, ghn3-t, ghn3, not "ghn3-s"/],
    [['a.pt', '--only', 'resnet-18'], /no network is called "resnet-18"; did you mean "resnet18"/],
    [['a.pt', '--tolerance', 'small'], /--tolerance is a number/],
    [['a.pt', '--tolerance', ''], /--tolerance is a number/],
    [['a.pt', '--strict'], /--strict/],
    [['a.pt', '--write', 'n.json', '--norms', 'm.json'], /--write does not compare norms/],
  ])('%j are refused', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});

describe('the networks to verify', () => {
  const expected = {
    norms: new Map([
      ['vgg16', 1],
      ['resnet18', 1],
    ]),
    precision: 'float64',
  } as const;

  it('are all 74, or those with an expected norm', () => {
    expect(networksToVerify(null, null)).toHaveLength(74);
    expect(networksToVerify(null, expected).sort()).toEqual(['resnet18', 'vgg16']);
  });

  it('are the named ones, which all need a norm', () => {
    expect(networksToVerify(['vgg16'], expected)).toEqual(['vgg16']);
    expect(() => networksToVerify(['vgg16', 'alexnet'], expected)).toThrow(/no expected norm for alexnet/);
  });

  it('are not an empty list', () => {
    const unknown = { norms: new Map([['mine', 1]]), precision: 'float64' } as const;
    expect(() => networksToVerify(null, unknown)).toThrow(/no expected norm for any network/);
  });
});

import { describe, expect, it } from 'vitest';
import { layerUses } from '../../../../src/architecture/keras/uses.js';
import { takesLong } from '../../../../src/http/requests/reading/takes-long.js';
import { calledWithin, functional, image, layer, sequential } from '../../../architecture/keras/keras.js';
import { kerasFixture } from '../../../helpers/keras.js';

const inner = functional([image(8, 8, 6)], [layer('ReLU', 'relu'), 'image']);
const asked = (keras: unknown) => ({ architecture: { keras } });

describe('a body takes long', () => {
  it('if a small Keras model repeats its layers thousands of times', () => {
    const model = calledWithin(inner, 30, 3);
    expect(JSON.stringify(model).length).toBeLessThan(60_000);
    expect(takesLong(asked(model))).toBe(true);
    expect(takesLong(asked(JSON.stringify(model)))).toBe(true);
    expect(takesLong([asked(sequential(image(8, 8, 3))), asked(model)])).toBe(true);
  });

  it('if the models of a list have thousands of layers together', () => {
    const model = sequential(
      image(8, 8, 3),
      ...Array.from({ length: 100 }, (_, k) => layer('ReLU', `r${k}`)),
    );
    expect(takesLong(Array.from({ length: 10 }, () => asked(model)))).toBe(false);
    expect(takesLong(Array.from({ length: 20 }, () => asked(model)))).toBe(true);
  });

  it('if a model within models is deeper than any that is read', () => {
    const deep = Array.from({ length: 200 }).reduce((value: unknown) => [value], layer('ReLU', 'r'));
    expect(takesLong(asked(deep))).toBe(true);
  });

  it('but not if it holds a usual model, another form, or nothing that makes sense', () => {
    for (const keras of [kerasFixture('resnet.keras2').model, kerasFixture('mobilenet.keras3').model]) {
      expect(takesLong(asked(keras))).toBe(false);
    }
    const layers = Array.from({ length: 5000 }, (_, k) => ({ name: `r${k}`, type: 'ReLU' }));
    for (const body of [{ architecture: { layers } }, { architecture: 'resnet50' }, null, [], 'keras', 1]) {
      expect(takesLong(body)).toBe(false);
    }
    expect(takesLong(asked('{"class_name": '))).toBe(false);
  });
});

it('the uses of layers in a Keras model are at least those that are counted when it is read', () => {
  const times = 7;
  const depth = 3;
  expect(layerUses(calledWithin(inner, times, depth))).toBeGreaterThanOrEqual(times ** depth);
});

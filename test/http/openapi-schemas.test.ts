import { expect, it } from 'vitest';
import { nameSchemasOnce } from '../../src/http/openapi-schemas.js';

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

it('leaves out a schema that nothing refers to', () => {
  const { schemas } = nameSchemasOnce({ Used: { type: 'string' }, UsedInput: {}, Other: {} }, [
    reference('Used'),
  ]);
  expect(schemas).toEqual({ Used: { type: 'string' } });
});

it('gives a schema of requests alone its plain name, in references as well', () => {
  const named = nameSchemasOnce({ A: {}, AInput: { items: reference('BInput') }, B: {}, BInput: {} }, [
    reference('AInput'),
  ]);
  expect(named).toEqual({ schemas: { A: { items: reference('B') }, B: {} }, rest: [reference('A')] });
});

it('makes one of two that are equal, though they refer to themselves', () => {
  const tree = (name: string) => ({ type: 'object', properties: { child: reference(name) } });
  const named = nameSchemasOnce({ A: tree('A'), AInput: tree('AInput') }, [
    reference('A'),
    reference('AInput'),
  ]);
  expect(named).toEqual({ schemas: { A: tree('A') }, rest: [reference('A'), reference('A')] });
});

it('keeps two names where the two differ, or where what they refer to does', () => {
  const schemas = {
    A: { items: reference('B') },
    AInput: { items: reference('BInput') },
    B: { required: ['x'] },
    BInput: {},
  };
  const rest = [reference('A'), reference('AInput')];
  expect(nameSchemasOnce(schemas, rest)).toEqual({ schemas, rest });
});

import { expect, it } from 'vitest';
import { nameSchemasOnce } from '../../src/http/openapi-schemas.js';

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

it('omits a schema that nothing refers to', () => {
  const { schemas } = nameSchemasOnce({ Used: { type: 'string' }, UsedInput: {}, Other: {} }, [
    reference('Used'),
  ]);
  expect(schemas).toEqual({ Used: { type: 'string' } });
});

it('gives a schema that only requests use its plain name, also in references', () => {
  const named = nameSchemasOnce({ A: {}, AInput: { items: reference('BInput') }, B: {}, BInput: {} }, [
    reference('AInput'),
  ]);
  expect(named).toEqual({ schemas: { A: { items: reference('B') }, B: {} }, rest: [reference('A')] });
});

it('merges two equal schemas, even if they refer to themselves', () => {
  const tree = (name: string) => ({ type: 'object', properties: { child: reference(name) } });
  const named = nameSchemasOnce({ A: tree('A'), AInput: tree('AInput') }, [
    reference('A'),
    reference('AInput'),
  ]);
  expect(named).toEqual({ schemas: { A: tree('A') }, rest: [reference('A'), reference('A')] });
});

it('keeps two names if the schemas differ, or if those that they refer to do', () => {
  const schemas = {
    A: { items: reference('B') },
    AInput: { items: reference('BInput') },
    B: { required: ['x'] },
    BInput: {},
  };
  const rest = [reference('A'), reference('AInput')];
  expect(nameSchemasOnce(schemas, rest)).toEqual({ schemas, rest });
});

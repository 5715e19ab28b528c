import { expect, it } from 'vitest';
import { violations } from '../scripts/rooms.js';

const check = (path: string, text: string) => violations(new Map([[path, text]]));

it('a room may import the rooms below it', () => {
  expect(
    check('routes/predict.ts', "import { a } from '../predictions/a.js';\nimport b from './b.js';"),
  ).toEqual([]);
});

it('an import from a room above is a violation, including types and modules that are loaded later', () => {
  expect(check('ghn/decoder/window.ts', "import type { Route } from '../../routes/predict.js';")).toEqual([
    'src/ghn/decoder/window.ts imports ../../routes/predict.js: ghn stands below routes and must not know it',
  ]);
  expect(check('store/store.ts', "const { app } = await import('../app.js');")).toHaveLength(1);
});

it('a room that is not in the list is a violation', () => {
  expect(check('novelties/a.ts', '')).toEqual([
    'src/novelties/a.ts: the room novelties is not in the list of scripts/rooms.ts',
  ]);
});

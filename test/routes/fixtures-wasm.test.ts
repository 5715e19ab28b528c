import { describe } from 'vitest';
import { answersAsTheSmallGhns } from './authors-fixtures.js';

describe('POST /predict by the engine wasm', () => {
  answersAsTheSmallGhns({ ENGINE: 'wasm' });
});

import { Constructible, Global, WEIGHT_GLOBALS } from './globals.js';
import { INERT_GLOBALS } from './inert.js';
import { NumpyArrayWrapper } from './numpy-wrapper.js';

const GLOBALS = new Map<string, Global>(
  [
    ...WEIGHT_GLOBALS,
    ...INERT_GLOBALS,
    new Constructible('joblib.numpy_pickle.NumpyArrayWrapper', () => new NumpyArrayWrapper()),
    new Global('numpy.ndarray'),
  ].map((global) => [global.name, global]),
);

/** The global with this name; undefined if a checkpoint may not name it. */
export function findGlobal(module: string, name: string): Global | undefined {
  return GLOBALS.get(`${module}.${name}`);
}

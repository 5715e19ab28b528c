import { NPZ } from './npz.js';
import { SAFETENSORS } from './safetensors.js';
import { TILED } from './tiled.js';

/** The formats in which weights can be downloaded; the first is the default. */
export const FORMATS = [SAFETENSORS, TILED, NPZ] as const;

import { NPZ } from './npz.js';
import { SAFETENSORS } from './safetensors.js';
import { TILED } from './tiled.js';

/** The formats that weights can be had in; the first is the default. */
export const FORMATS = [SAFETENSORS, TILED, NPZ] as const;

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { GhnConfig } from '../../../src/ghn/checkpoint.js';
import { writeRandomCheckpoint } from '../checkpoint.js';

/** Returns the path of a GHN of that size with random weights. The first call writes the file. */
export async function checkpointOf(directory: string, ghn: GhnConfig): Promise<string> {
  const path = join(directory, `ghn3-${ghn.hidden}.safetensors`);
  if (!existsSync(path)) await writeRandomCheckpoint(path, ghn);
  return path;
}

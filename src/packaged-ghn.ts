import { existsSync, readdirSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckpointSetting } from './settings.js';

const DIRECTORY = new URL('../weights/', import.meta.url);

/** The GHNs that come with the package, which are served where the settings name none. */
export function packagedCheckpoints(): CheckpointSetting[] {
  const files = existsSync(DIRECTORY) ? readdirSync(DIRECTORY) : [];
  return files
    .filter((file) => extname(file) === '.safetensors')
    .sort()
    .map((file) => ({ id: basename(file, extname(file)), path: fileURLToPath(new URL(file, DIRECTORY)) }));
}

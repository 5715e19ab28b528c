import { existsSync, readdirSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pathSource } from '../sources/index.js';
import type { CheckpointSetting } from '../sources/source.js';
import { SettingsError } from './error.js';

const DIRECTORY = new URL('../../weights/', import.meta.url);

/**
 * Returns the GHNs in the package, which are served if the settings name none.
 *
 * @throws SettingsError if the package contains none
 */
export function packagedCheckpoints(): CheckpointSetting[] {
  const files = existsSync(DIRECTORY) ? readdirSync(DIRECTORY) : [];
  const checkpoints = files.filter((file) => extname(file) === '.safetensors').sort();
  if (checkpoints.length === 0) {
    throw new SettingsError('GHN_CHECKPOINTS: name a checkpoint; no GHN comes with this package');
  }
  return checkpoints.map((file) => ({
    id: basename(file, extname(file)),
    source: pathSource(fileURLToPath(new URL(file, DIRECTORY))),
  }));
}

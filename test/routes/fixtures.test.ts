import { existsSync } from 'node:fs';
import { describe } from 'vitest';
import type { TestSettings } from '../helpers/service.js';
import { answersAsTheAuthors, answersAsTheSmallGhns } from './authors-fixtures.js';

/**
 * GHN_TINY_CHECKPOINT: the file of a GHN in the size of the published GHN-3-T, 27 MB, which is not among the fixtures.
 */
const TINY = process.env.GHN_TINY_CHECKPOINT;

/** WebGPU needs a Vulkan driver (scripts/swiftshader.sh). WebAssembly takes longest and has a separate file. */
const ENGINES: [title: string, settings: TestSettings][] = [['onnxruntime', { ENGINE: 'onnxruntime' }]];
if (process.env.VK_DRIVER_FILES) {
  ENGINES.push(['onnxruntime on WebGPU', { ENGINE: 'onnxruntime', DEVICE: 'webgpu' }]);
}

describe.each(ENGINES)('POST /predict by the engine %s', (_, settings) => {
  answersAsTheSmallGhns(settings);
});

const unavailable = TINY === undefined || !existsSync(TINY);
describe.skipIf(unavailable).each(ENGINES)(
  'with a GHN-3-T by the engine %s (skipped unless GHN_TINY_CHECKPOINT names its file)',
  (_, settings) => {
    answersAsTheAuthors({ ...settings, GHN_CHECKPOINTS: `ghn3-tiny=${TINY}` }, ['ghn3-tiny']);
  },
);

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type fc from 'fast-check';
import { CheckpointError, readCheckpoint } from '../../../src/ghn/checkpoint.js';
import { expectedLayout } from '../../../src/ghn/layout.js';
import { compressedFiles, pickleFiles, safetensorsFiles, zipFiles } from '../inputs/checkpoints.js';
import { GARBAGE_BYTES, type MemoryBound, type Opened, type Target } from './target.js';

const MIB = 2 ** 20;

const ENCODINGS = fileURLToPath(new URL('../../../test/fixtures/checkpoints/encodings/', import.meta.url));

const encodings = (pattern: RegExp): Buffer[] =>
  readdirSync(ENCODINGS)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => readFileSync(join(ENCODINGS, name)));

const PLAIN: MemoryBound = {
  constant: GARBAGE_BYTES + 64 * MIB,
  factor: 300,
  reason:
    'an opcode of one byte makes a dictionary of 200, or of a hundred bytes a tensor that is not yet read',
};

const COMPRESSED: MemoryBound = {
  constant: GARBAGE_BYTES + 192 * MIB,
  factor: 300,
  reason: 'the 64 MiB that any file may hold are read into memory at most twice',
};

/** Opens a target that reads files as the service does at its start. */
async function open(): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'ghn-fuzz-'));
  const path = join(folder, 'checkpoint');
  return {
    run: async (input) => {
      await writeFile(path, input);
      try {
        const { config, weights, parameters } = await readCheckpoint(path);
        let count = 0;
        for (const [name, shape] of expectedLayout(config)) {
          const weight = weights.get(name);
          if (weight?.shape.join() !== shape.join()) throw new Error(`${name} is not as it must be`);
          if (!weight.data.every(Number.isFinite)) throw new Error(`${name} is not finite`);
          count += weight.data.length;
        }
        if (count !== parameters) throw new Error(`${parameters} parameters, ${count} numbers`);
        if (Object.values(config).some((value) => value === 0) && config.family === 'ghn3') {
          throw new Error(`a GHN of no size: ${JSON.stringify(config)}`);
        }
        return 'accepted';
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        if (!error.message.startsWith(`${path}: `)) throw new Error('a refusal that does not name the file');
        if (error.message.length > 20_000) throw new Error(`a refusal of ${error.message.length} characters`);
        return 'refused';
      }
    },
    close: () => rm(folder, { recursive: true }),
  };
}

function target(
  name: string,
  share: number,
  memory: MemoryBound,
  samples: readonly Buffer[],
  inputs: (samples: readonly Buffer[]) => fc.Arbitrary<Buffer>,
): Target {
  return {
    name,
    share,
    memory,
    inputs: (corpus) => inputs([...samples, ...corpus]),
    valid: () => samples[0]!,
    open,
  };
}

const JOBLIB = encodings(/joblib$/);

export const CHECKPOINT_TARGETS: readonly Target[] = [
  target('torch-zip', 7, PLAIN, encodings(/(zip|half|training|views)\.pt$/), zipFiles),
  target('torch-legacy', 5, PLAIN, encodings(/legacy\.pt$/), pickleFiles),
  target('joblib', 6, PLAIN, JOBLIB, pickleFiles),
  target('compressed', 5, COMPRESSED, encodings(/joblib\.\w+$/), (samples) =>
    compressedFiles(samples, JOBLIB),
  ),
  target('safetensors', 8, PLAIN, encodings(/safetensors$/), safetensorsFiles),
];

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A GPU as its driver describes it. */
export interface Card {
  readonly name: string;
  readonly memoryBytes: number;
  /** Memory in use by all processes at this moment. */
  readonly usedBytes: number;
}

const MIB = 2 ** 20;

/**
 * Returns the NVIDIA card that CUDA calls device 0, or null if its driver's `nvidia-smi` is missing or lists no card.
 * Cards of other makers have no tool that every system has.
 */
export async function readCard(): Promise<Card | null> {
  const query = ['--query-gpu=name,memory.total,memory.used', '--format=csv,noheader,nounits'];
  const [first] = (process.env.CUDA_VISIBLE_DEVICES ?? '').split(',');
  try {
    const { stdout } = await run('nvidia-smi', first ? [...query, `--id=${first}`] : query, {
      timeout: 5000,
    });
    return parseCard(stdout);
  } catch {
    return null;
  }
}

/** Parses a line such as `NVIDIA H100 80GB HBM3, 81559, 7423`: name, total MiB, used MiB. */
export function parseCard(output: string): Card | null {
  const [line] = output.split('\n', 1);
  const [, name, total, used] = /^(.+), (\d+), (\d+)\s*$/.exec(line) ?? [];
  return name ? { name, memoryBytes: Number(total) * MIB, usedBytes: Number(used) * MIB } : null;
}

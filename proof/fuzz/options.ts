import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export interface Options {
  readonly inputs: number;
  readonly seed: number;
  /** Number of processes that run inputs at the same time. */
  readonly processes: number;
  /** Names of the targets; all targets if there are none. */
  readonly targets: readonly string[];
  /** Files to run instead of generated inputs. The name of a file's folder is its target. */
  readonly replay: readonly string[];
}

export const USAGE =
  'npm run fuzz -- [--inputs 100000] [--seed 1] [--target NAME]… [--processes N] [--replay FILE]…';

/** @throws Error that describes the wrong option */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      processes: { type: 'string', default: String(availableParallelism()) },
      target: { type: 'string', multiple: true, default: [] },
      replay: { type: 'string', multiple: true, default: [] },
    },
  });
  return {
    inputs: whole('inputs', values.inputs),
    seed: whole('seed', values.seed),
    processes: Math.max(1, whole('processes', values.processes)),
    targets: values.target,
    replay: values.replay,
  };
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} is a whole number, not ${text}`);
  return Number(text);
}

import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** An operation on the file system, by name and path. */
export type Operation = readonly [name: string, path: string];

const FUNCTIONS = [
  'mkdir',
  'open',
  'readdir',
  'readFile',
  'rename',
  'rm',
  'stat',
  'utimes',
  'writeFile',
] as const;
const METHODS = ['write', 'writev', 'writeFile', 'sync', 'read', 'stat', 'close'] as const;
const WRITING = new Set<string>(['write', 'writeFile']);

type Any = (...args: unknown[]) => Promise<unknown>;

/**
 * Has every operation on files counted from now on, and the process killed before the one with that number. One that writes
 * is two: before it, and when half of its bytes are written.
 *
 * @returns what was done so far
 */
export async function killAt(point: number): Promise<readonly Operation[]> {
  const done: Operation[] = [];
  const handle = await fs.open('/dev/null', 'r');
  const prototype = Object.getPrototypeOf(handle) as Record<string, Any>;
  await handle.close();

  const count = (name: string, path: unknown) => {
    if (done.length === point) process.kill(process.pid, 'SIGKILL');
    done.push([name, String(path)]);
  };
  const wrap = (owner: Record<string, Any>, name: string) => {
    const original = owner[name];
    owner[name] = async function (this: unknown, ...args: unknown[]) {
      count(name, args[0]);
      if (WRITING.has(name)) {
        // `writeFile` of a path or of a handle, `write` of a handle: what is written is the first that has bytes.
        const at = args.findIndex((argument) => argument instanceof Uint8Array);
        const bytes = args[at] as Uint8Array | undefined;
        if (bytes && done.length === point) {
          const half = bytes.subarray(0, bytes.length >> 1);
          await original.call(
            this,
            ...args.slice(0, at),
            half,
            ...(name === 'write' ? [0, half.length] : []),
          );
        }
        count(`${name}, half`, args[0] instanceof Uint8Array ? '' : args[0]);
      }
      return original.apply(this, args);
    };
  };
  for (const name of FUNCTIONS) wrap(fs as unknown as Record<string, Any>, name);
  for (const name of METHODS) wrap(prototype, name);
  syncBuiltinESMExports();
  return done;
}

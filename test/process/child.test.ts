import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { endChild, startChild } from '../../src/process/child.js';

const CROWDED = fileURLToPath(new URL('./crowded-process.ts', import.meta.url));

/** More files than Node and tsx open themselves. */
const MAX_OPEN_FILES = 128;

interface Told {
  readonly reasons: string[];
  readonly toldBeforeItReturned: boolean;
  readonly exitCode: number | null;
}

/** Returns the reported error of a process that starts another when it has only a few file descriptors left. */
async function startedWith(spare: number): Promise<Told> {
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `ulimit -n ${MAX_OPEN_FILES} && exec "$0" --import tsx "$1" ${spare}`,
    process.execPath,
    CROWDED,
  ]);
  return JSON.parse(stdout) as Told;
}

describe.skipIf(process.platform === 'win32')('a process that cannot be started', () => {
  it.each([0, 1, 2])('is reported, with %i file descriptors left', async (spare) => {
    const { reasons, toldBeforeItReturned, exitCode } = await startedWith(spare);
    expect(reasons).toEqual([expect.stringMatching(/^cannot be started: spawn .*EMFILE$/)]);
    expect(toldBeforeItReturned).toBe(false);
    // A sender can tell from this that the process never started.
    expect(exitCode).toBeLessThan(0);
  });

  it('is reported if Node throws', async () => {
    // Longer than any operating system accepts an argument.
    const entry = new URL(`file:///${'x'.repeat(8 * 2 ** 20)}.js`);
    let told = (_reason: string) => {};
    const reason = new Promise<string>((resolve) => {
      told = resolve;
    });
    const { process: child, channel } = startChild(
      entry,
      () => {},
      (text) => told(text),
    );
    await channel.send('into the void');
    expect(await reason).toMatch(/^cannot be started: spawn E2BIG$/);
    expect(child.exitCode).toBeLessThan(0);
    await endChild(child);
  });
});

describe('a process that ends', () => {
  it('is reported once', async () => {
    const reasons: string[] = [];
    const { process: child, channel } = startChild(
      new URL('./no-module.js', import.meta.url),
      () => {},
      (reason) => reasons.push(reason),
    );
    await endChild(child);
    channel.close();
    expect(reasons).toEqual(['ended (SIGKILL)']);
  });
});

it.skipIf(process.platform === 'win32')('is not left behind, hanging, by a start that fails', async () => {
  const failing = fileURLToPath(new URL('./failing-process.ts', import.meta.url));
  const failed = promisify(execFile)(process.execPath, ['--import', 'tsx', failing]);
  const { stdout, stderr } = (await failed.catch((error: unknown) => error)) as {
    stdout: string;
    stderr: string;
  };
  expect(stderr).toContain('the port is taken');
  await expect.poll(() => isRunning(stdout)).toBe(false);
});

/**
 * Returns true if the process exists and has not ended. A process that has ended is listed until its parent waits for
 * it.
 */
async function isRunning(pid: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', pid]).catch(() => ({
    stdout: '',
  }));
  return stdout !== '' && !stdout.startsWith('Z');
}

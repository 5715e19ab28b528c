import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogDestination, logTo } from '../../src/log/destination.js';

const LONG_ENOUGH_MS = 10_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the log', () => {
  it('writes every line to a file, in order', async () => {
    const path = join(folder, 'log');
    const destination = logTo(openSync(path, 'a'));
    const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`);
    for (const line of lines) destination.write(line);
    await destination.flush(LONG_ENOUGH_MS);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    expect(destination.dropped).toBe(0);
  });

  it.runIf(process.platform === 'linux')('drops and counts lines if the disk is full', async () => {
    const destination = logTo(openSync('/dev/full', 'w'));
    destination.write('one\n');
    await destination.flush(LONG_ENOUGH_MS);
    destination.write('two\n');
    await destination.flush(LONG_ENOUGH_MS);
    expect(destination.dropped).toBe(2);
  });

  it('continues once lines can be written again', async () => {
    const written: string[] = [];
    let isFull = true;
    const destination = new LogDestination((bytes, done) => {
      if (!isFull) written.push(bytes.toString());
      done(isFull ? new Error('no space left on device') : null);
    });
    destination.write('lost\n');
    isFull = false;
    destination.write('kept\n');
    expect(written).toEqual(['kept\n']);
    expect(destination.dropped).toBe(1);
  });

  it('keeps a limited number of lines for a reader that does not read, and does not wait for it at the end', async () => {
    const destination = new LogDestination(() => {});
    const line = `${'x'.repeat(2 ** 16 - 1)}\n`;
    for (let i = 0; i < 100; i++) destination.write(line);
    expect(destination.dropped).toBe(84);
    await destination.flush(1);
  });

  it('does not keep its program from ending if the pipe is not read', async () => {
    const module = fileURLToPath(new URL('../../src/log/destination.ts', import.meta.url));
    const program = `
      const { logTo } = await import(${JSON.stringify(module)});
      const destination = logTo(1);
      for (let i = 0; i < 10_000; i++) destination.write('x'.repeat(1000) + '\\n');
      await destination.flush(10);
      process.stderr.write(String(destination.dropped > 0), () => process.exit(0));`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    const exit = new Promise((resolve) => child.once('exit', resolve));
    expect(await text(child.stderr)).toBe('true');
    expect(await Promise.race([exit, setTimeout(LONG_ENOUGH_MS, 'still there', { ref: false })])).toBe(0);
    child.stdout.resume();
  });
});

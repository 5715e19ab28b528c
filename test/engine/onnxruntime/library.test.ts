import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const moduleUrl = (file: string) => new URL(`../../../src/engine/onnxruntime/${file}`, import.meta.url).href;

it('writes no device id, log or other file into the user’s folders', async () => {
  const home = await mkdtemp(join(tmpdir(), 'ghn-serve-home-'));
  try {
    const program = `
      const { createSession } = await import('${moduleUrl('session.ts')}');
      const { LAYER_NORM } = await import('${moduleUrl('models.ts')}');
      await createSession(LAYER_NORM);`;
    const arguments_ = ['--import', 'tsx', '--input-type=module', '-e', program];
    const { HOME: _, XDG_CACHE_HOME: __, ...environment } = process.env;
    await promisify(execFile)(process.execPath, arguments_, {
      env: { ...environment, HOME: home, TMPDIR: home, TSX_DISABLE_CACHE: '1' },
    });
    const left = await readdir(home);
    expect(left.filter((name) => !name.startsWith('tsx-') && name !== 'node-compile-cache')).toEqual([]);
  } finally {
    await rm(home, { recursive: true });
  }
});

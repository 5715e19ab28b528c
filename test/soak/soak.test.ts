import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Verdict } from '../../proof/soak/verdict.js';

const MAIN = fileURLToPath(new URL('../../proof/soak/main.ts', import.meta.url));
const TIMEOUT_MS = 240_000;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-soaked-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Runs the command. Returns its exit code and its whole output. */
async function run(...options: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...options], {
    env: { ...process.env, GHN_CHECKPOINTS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

describe.skipIf(process.platform !== 'linux')('npm run soak', () => {
  it(
    'uses the service in every way, kills its engine, restarts it, and finds every answer and digest correct',
    async () => {
      const report = join(folder, 'report.json');
      const { code, said } = await run('--from-sources', '--minutes', '0.2', '--report', report);
      expect(said).toContain('It holds.');
      expect(code).toBe(0);
      const verdict = JSON.parse(await readFile(report, 'utf8')) as Verdict & {
        readonly digests: { readonly checked: number };
        readonly secondsToRecover: readonly number[];
        readonly secondsToStop: readonly number[];
      };
      expect(verdict.checks.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['answers', 'digests', 'store', 'memory, main', 'open files, main']),
      );
      expect(verdict.digests.checked).toBeGreaterThan(0);
      expect(verdict.secondsToRecover).toHaveLength(2);
      expect(verdict.secondsToStop).toHaveLength(2);
    },
    TIMEOUT_MS,
  );

  it('reports what is wrong with an option, and that it cannot judge', async () => {
    const { code, said } = await run('--minutes', 'ten');
    expect(said).toContain('--minutes: ');
    expect(code).toBe(2);
  });
});

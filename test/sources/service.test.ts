import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SmallHub, sha256, startHub } from '../helpers/hub.js';
import { checkpointFile } from '../helpers/service.js';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let hub: SmallHub;
let folder: string;
const bytes = await readFile(checkpointFile('ghn3-nano.pt'));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-hub-'));
  hub = await startHub({
    'SamsungSAILMontreal/ghn3': { commit: '0'.repeat(40), files: { 'ghn3tm8.pt': { bytes } } },
  });
});
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

const environment = (own: Readonly<Record<string, string>>) => ({
  PATH: process.env.PATH,
  PORT: '0',
  STORE: join(folder, 'store'),
  HF_HOME: join(folder, 'hf'),
  HF_ENDPOINT: hub.endpoint,
  ...own,
});

const ARGUMENTS = ['--import', 'tsx', MAIN];

describe('a published GHN', () => {
  it('is downloaded by the service, with its progress in the log, and is served', async () => {
    const program = spawn(process.execPath, ARGUMENTS, { env: environment({ GHN_CHECKPOINTS: 'ghn3-t' }) });
    let url = '';
    const messages: string[] = [];
    for await (const line of createInterface({ input: program.stdout })) {
      const { msg } = JSON.parse(line) as { msg: string };
      messages.push(msg);
      url = /listening at (http:\S+)/.exec(msg)?.[1] ?? url;
      if (msg === 'ready') break;
    }
    const { ghns } = (await (await fetch(`${url}/ghns`)).json()) as {
      ghns: { id: string; digest: string }[];
    };
    program.kill('SIGTERM');
    expect(ghns).toMatchObject([{ id: 'ghn3-t', digest: `sha256:${sha256(bytes)}` }]);
    expect(messages).toContain('fetching hf://SamsungSAILMontreal/ghn3/ghn3tm8.pt: 1.2 of 1.2 MB');
  });

  it('is downloaded by the command, which prints only its path', async () => {
    const env = environment({ HF_HOME: join(folder, 'other') });
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [...ARGUMENTS, 'fetch', 'ghn3-t', 'hf://SamsungSAILMontreal/ghn3/ghn3tm8.pt'],
      { env },
    );
    const [path, again, ...rest] = stdout.trim().split('\n');
    expect(path).toMatch(/other\/hub\/models--SamsungSAILMontreal--ghn3\/snapshots\/0{40}\/ghn3tm8\.pt$/);
    expect(again).toBe(path);
    expect(rest).toEqual([]);
    expect(stderr).toContain('fetching hf://SamsungSAILMontreal/ghn3/ghn3tm8.pt');
  });

  it('that cannot be downloaded ends the service and the command with only the reason', async () => {
    const env = environment({ HF_HOME: join(folder, 'none'), GHN_CHECKPOINTS: 'ghn3-xl' });
    for (const command of [['serve'], ['fetch', 'ghn3-xl'], ['verify', 'ghn3-xl']]) {
      const failure = (await promisify(execFile)(process.execPath, [...ARGUMENTS, ...command], { env }).catch(
        (error: unknown) => error,
      )) as { code: number; stderr: string };
      expect(failure.code).toBe(2);
      expect(failure.stderr).toBe(
        'hf://SamsungSAILMontreal/ghn3/ghn3xlm16.pt: the repository SamsungSAILMontreal/ghn3 has no file ghn3xlm16.pt at main; look at its list of files (HTTP 404)\n',
      );
    }
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { verify } from '../../src/verify/main.js';
import { asSafetensors } from '../checkpoint/files.js';
import { checkpointFile } from '../helpers/service.js';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const ONLY = ['--only', 'resnet18,vit_b_16,convnext_tiny,swin_t'];
let folder: string;
/** A safetensors file in which single weights can be changed. */
let checkpoint: string;
let norms: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-verify-'));
  checkpoint = join(folder, 'ghn3-nano.safetensors');
  await writeFile(checkpoint, asSafetensors(await readCheckpoint(checkpointFile('ghn3-nano.pt'))));
  norms = join(folder, 'norms.json');
  await verified(checkpoint, '--write', norms, ...ONLY);
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly problems: string;
}

/** Runs the command in this process, which has loaded its modules already. */
async function verified(...args: string[]): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text.toString();
      return true;
    }),
  );
  try {
    const code = await verify(args);
    return { code, output: written.stdout, problems: written.stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Runs the command as a user does. */
function started(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', MAIN, 'verify', ...args], (error, output, problems) =>
      resolve({ code: error ? Number(error.code) : 0, output, problems }),
    );
  });
}

/** Returns a copy of the checkpoint in which one number is changed. */
async function withWeight(tensor: string, index: number, change: (value: number) => number): Promise<string> {
  const bytes = await readFile(checkpoint);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, headerEnd)) as Record<
    string,
    { data_offsets: [start: number, end: number] }
  >;
  const at = headerEnd + header[tensor]!.data_offsets[0] + 4 * index;
  bytes.writeFloatLE(change(bytes.readFloatLE(at)), at);
  const path = join(folder, 'changed.safetensors');
  await writeFile(path, bytes);
  return path;
}

const line = (output: string, name: string) =>
  output
    .split('\n')
    .find((text) => text.startsWith(`${name} `))
    ?.trim()
    .split(/\s+/);

describe('the verify command', () => {
  it('accepts the checkpoint of the norms, in any file format', async () => {
    const ended = await started(checkpointFile('ghn3-nano.pt'), '--norms', norms);
    expect(ended).toMatchObject({ code: 0, problems: '' });
    expect(ended.output).toMatch(/All 4 norms match those in /);
    expect(line(ended.output, 'resnet18')).toEqual(
      expect.arrayContaining(['11,689,512', '69.8331', 'holds']),
    );
  });

  it('rejects a decoder with the sign of one weight changed', async () => {
    const changed = await withWeight('decoder.conv.2.weight', 65536, (value) => -value);
    const { code, output } = await verified(changed, '--norms', norms);
    expect(code).toBe(1);
    expect(output).toMatch(/\d of 4 norms DIFFER from those .*norms\.json: /);
  });

  it('rejects an encoder with one weight a hundredth off', async () => {
    const changed = await withWeight('gnn.0.ff.net.0.weight', 512, (value) => value * 1.01);
    expect(await verified(changed, '--norms', norms)).toMatchObject({ code: 1 });
  });

  it('rejects the published norms of another GHN', async () => {
    const { code, output } = await verified(checkpoint, '--family', 'ghn3-t', ...ONLY);
    expect(code).toBe(1);
    expect(output).toMatch(/4 of 4 norms DIFFER from those published for ghn3-t: resnet18, /);
  });

  it('cannot judge without a published family', async () => {
    const { code, problems } = await verified(checkpoint, ...ONLY);
    expect(code).toBe(2);
    expect(problems).toMatch(/name one with --family/);
  });

  it('cannot judge a file that is not a checkpoint', async () => {
    const { code, problems } = await verified(norms);
    expect(code).toBe(2);
    expect(problems).toMatch(/norms\.json: /);
  });

  it('has a help text', async () => {
    expect(await started('--help')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^Usage: ghn-serve verify/),
    });
    expect(await verified('--norm')).toMatchObject({ code: 2, problems: expect.stringMatching(/--norm/) });
  });
});

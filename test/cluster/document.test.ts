import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { NO_REDIS } from '../predictions/board/redis-server.js';
import { freePort, NO_SERVER, SERVER } from '../store/s3/server.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** The reason why the commands are not tested; null if they are. */
const MISSING = process.env.BUILT
  ? (NO_SERVER ?? NO_REDIS)
  : 'BUILT=1 tries them on the service as it is built';

/** Files of a built clone, which replace the document's commands for building. */
const CLONE = ['dist', 'node_modules', 'openapi', 'package.json', 'weights', 'zoo'];
const BUILDS = /^(?:npm ci|npm run build|CGO_ENABLED=0 go install .*)$/gm;

/** Returns the commands in docs/cluster.md that contain the word, with free ports in place of the document's. */
async function commandsWith(word: string, ports: Map<string, number>): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/cluster.md'), 'utf8');
  const block = [...text.matchAll(/^```sh\n(.*?)^```$/gms)]
    .map(([, each]) => each)
    .find((each) => each.includes(word))!;
  for (const [port] of block.matchAll(/\b(?:300\d|7070|6379)\b/g)) {
    if (!ports.has(port)) ports.set(port, await freePort());
  }
  return block
    .replaceAll(BUILDS, '')
    .replaceAll('~/go/bin/versitygw', SERVER!)
    .replaceAll(/\b(?:300\d|7070|6379)\b/g, (port) => String(ports.get(port)));
}

/** Creates a shell in a folder like that of a clone. */
async function shell() {
  const folder = await mkdtemp(join(tmpdir(), 'ghn-clone-'));
  for (const name of CLONE) await symlink(join(ROOT, name), join(folder, name));
  const bash = spawn('bash', ['-s'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  let said = '';
  bash.stdout.on('data', (data: Buffer) => (said += data.toString()));
  onTestFinished(async () => {
    try {
      process.kill(-bash.pid!, 'SIGKILL');
    } catch {
      // All of its processes have ended.
    }
    await rm(folder, { recursive: true, force: true });
  });
  return { run: (commands: string) => bash.stdin.write(commands), said: () => said };
}

const readyIn = (log: string) => log.split('\n').filter((line) => line.includes('"msg":"ready"')).length;

it.skipIf(MISSING).each([
  ['two services on one bucket', 'npm ci', 2],
  ['two apis and two workers', 'redis-server', 4],
])(
  `the commands for %s do as they are written${MISSING ? ` (${MISSING})` : ''}`,
  async (_, word, services) => {
    const ports = new Map<string, number>();
    const { run, said } = await shell();
    run(await commandsWith(word, ports));
    await expect.poll(() => readyIn(said()), { timeout: 100_000 }).toBe(services);
    run(await commandsWith('cmp one', ports));
    await expect.poll(said, { timeout: 50_000 }).toContain('the same');
  },
  150_000,
);

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { fixtureGraph } from './architecture/fixtures.js';
import { NANO_GHNS } from './helpers/service.js';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Two signals of one Ctrl-C are at most the first time apart, and those of two at least the second. */
const TOGETHER_MS = 100;
const LATER_MS = 1500;

/** More file descriptors than the program itself needs. */
const FEW_FILES = 400;

/** Time in which the program checks its memory at least twice, and opens a file for that. */
const PRESSURE_SAMPLES_MS = 2500;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const environment = (settings: Readonly<Record<string, string>>) => ({
  PATH: process.env.PATH,
  PORT: '0',
  STORE: join(folder, 'store'),
  GHN_CHECKPOINTS: NANO_GHNS,
  ...settings,
});

/**
 * Starts the program with these environment variables, after a command in the same shell. It is killed at the end of
 * the test.
 */
function start(settings: Readonly<Record<string, string>>, before = ':'): ChildProcess {
  const program = spawn('sh', ['-c', `${before} && exec "$0" --import tsx "$1"`, process.execPath, MAIN], {
    env: environment(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void program.kill('SIGKILL'));
  return program;
}

/** Returns the address in the program's log. The rest of the log is read and discarded. */
async function addressOf({ stdout }: ChildProcess): Promise<string> {
  const lines = createInterface({ input: stdout! });
  for await (const line of lines) {
    const address = /listening at (http:\/\/[\d.:]+)/.exec(line)?.[1];
    if (!address) continue;
    stdout!.resume();
    return address;
  }
  throw new Error('the program ended before it listened');
}

const exitOf = async (program: ChildProcess) => {
  const [code, signal] = (await once(program, 'close')) as [number | null, string | null];
  return { code, signal };
};

/** Returns the status of /readyz; 0 if there is no answer. */
const readiness = (url: string) =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status,
    () => 0,
  );

/** Requests a ResNet-18 over a persistent connection, and does not read the answer yet. */
function download(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      agent: new Agent({ keepAlive: true }),
    };
    request(`${url}/predict`, options, (response) => resolve(response.pause()))
      .on('error', reject)
      .end(JSON.stringify({ architecture: fixtureGraph('resnet18-10') }));
  });
}

async function lengthOf(response: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const chunk of response) length += (chunk as Buffer).length;
  return length;
}

describe('the program', () => {
  it('starts, serves, and on SIGTERM finishes running requests and ends', async () => {
    const program = start({});
    const exit = exitOf(program);
    const url = await addressOf(program);
    await expect.poll(() => readiness(url)).toBe(200);
    const response = await download(url);
    expect(response.statusCode).toBe(200);
    program.kill('SIGTERM');
    // It accepts no more connections, but still serves this one.
    await expect.poll(() => readiness(url)).toBe(0);
    expect(program.exitCode).toBeNull();
    expect(await lengthOf(response)).toBe(Number(response.headers['content-length']));
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  it('finds its earlier predictions after a restart', async () => {
    const settings = { STORE: join(folder, 'kept') };
    const locations: (string | undefined)[] = [];
    for (const timing of ['decode', 'store;desc="hit"']) {
      const program = start(settings);
      const exit = exitOf(program);
      const url = await addressOf(program);
      await expect.poll(() => readiness(url)).toBe(200);
      const response = await download(url);
      expect(response.headers['server-timing']).toContain(timing);
      locations.push(response.headers.location);
      await lengthOf(response);
      program.kill('SIGTERM');
      expect((await exit).code).toBe(0);
    }
    expect(locations[1]).toBe(locations[0]);
  });

  it('tells load balancers that it is stopping before it closes its socket', async () => {
    const program = start({ SHUTDOWN_DELAY_MS: '3000' });
    const exit = exitOf(program);
    const url = await addressOf(program);
    await expect.poll(() => readiness(url)).toBe(200);
    program.kill('SIGTERM');
    await expect.poll(() => readiness(url)).toBe(503);
    expect((await fetch(`${url}/ghns`)).status).toBe(200);
    expect((await exit).code).toBe(0);
  });

  it('warns if everyone can reach it, and logs refusals without secrets', async () => {
    const program = start({ HOST: '0.0.0.0' });
    const exit = exitOf(program);
    const lines: Record<string, unknown>[] = [];
    createInterface({ input: program.stdout! }).on('line', (line) => lines.push(JSON.parse(line)));
    const find = (message: RegExp) => lines.find(({ msg }) => message.test(String(msg)));
    await expect.poll(() => find(/listening at/)).toBeDefined();
    expect(find(/^ANYONE WHO CAN REACH THIS ADDRESS/)).toMatchObject({ level: 'warn', host: '0.0.0.0' });
    const [, port] = /:(\d+)$/.exec(String(find(/listening at/)!.msg))!;
    const answer = await fetch(`http://127.0.0.1:${port}/predictions?token=secret`);
    await expect
      .poll(() => find(/^refused$/))
      .toMatchObject({
        level: 'info',
        request_id: answer.headers.get('x-request-id'),
        method: 'GET',
        path: '/predictions',
        status: 422,
      });
    expect(JSON.stringify(lines)).not.toContain('secret');
    program.kill('SIGTERM');
    await exit;
  });

  it('ends at once on SIGINT before it is ready', async () => {
    const program = start({});
    const exit = exitOf(program);
    await addressOf(program);
    program.kill('SIGINT');
    expect((await exit).code).toBe(0);
  });
});

describe('a signal to the program while it is stopping', () => {
  /** Starts the program and a download. Returns both, and the exit of the program. */
  async function downloading() {
    const program = start({});
    const exit = exitOf(program);
    const url = await addressOf(program);
    await expect.poll(() => readiness(url)).toBe(200);
    return { program, exit, response: await download(url) };
  }

  it('has no effect if it arrives with the first, as Ctrl-C under npm', async () => {
    const { program, exit, response } = await downloading();
    program.kill('SIGINT');
    await setTimeout(TOGETHER_MS);
    program.kill('SIGINT');
    expect(await lengthOf(response)).toBe(Number(response.headers['content-length']));
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends it at once if it arrives later: %s', async (signal) => {
    const { program, exit, response } = await downloading();
    response.on('error', () => {});
    program.kill('SIGTERM');
    await setTimeout(LATER_MS);
    program.kill(signal);
    expect(await exit).toEqual({ code: null, signal });
  });
});

describe.skipIf(process.platform === 'win32')('npm start', () => {
  it('passes SIGTERM on to the service', async () => {
    const project = await npmProject();
    const npm = spawn('npm', ['start'], {
      cwd: project,
      env: {
        ...environment({}),
        // Runs the sources directly in all processes.
        NODE_OPTIONS: `--import ${pathToFileURL(createRequire(import.meta.url).resolve('tsx'))}`,
        npm_config_update_notifier: 'false',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    try {
      const url = await addressOf(npm);
      await expect.poll(() => readiness(url)).toBe(200);
      npm.kill('SIGTERM');
      await expect.poll(() => readiness(url), { timeout: 10_000 }).toBe(0);
    } finally {
      endGroup(npm.pid!);
    }
  });

  /** Creates a project with this project's start script, and nothing to build. */
  async function npmProject(): Promise<string> {
    const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      readonly scripts: { readonly start: string };
    };
    const project = join(folder, 'project');
    await mkdir(join(project, 'dist'), { recursive: true });
    const scripts = { build: ':', start: manifest.scripts.start };
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module', scripts }));
    await writeFile(join(project, 'dist', 'main.js'), `import ${JSON.stringify(pathToFileURL(MAIN))};`);
    return project;
  }

  /** Kills all processes that npm has started, even if npm itself has ended. */
  function endGroup(group: number): void {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // All of them have ended.
    }
  }
});

describe('the program with a low limit of open files', () => {
  it('survives more connections than it has file descriptors', async () => {
    const program = start({}, `ulimit -n ${FEW_FILES}`);
    const exit = exitOf(program);
    const url = await addressOf(program);
    await expect.poll(() => readiness(url)).toBe(200);
    const { port, hostname } = new URL(url);
    const sockets = Array.from({ length: FEW_FILES }, () =>
      connect(Number(port), hostname).on('error', () => {}),
    );
    await setTimeout(PRESSURE_SAMPLES_MS);
    expect(program.exitCode).toBeNull();
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => readiness(url)).toBe(200);
    program.kill('SIGTERM');
    expect((await exit).code).toBe(0);
  });
});

describe('the program refuses to start and gives the reason, with', () => {
  const refusals: readonly (readonly [
    title: string,
    settings: () => Record<string, string>,
    reason: RegExp,
  ])[] = [
    ['settings that are wrong', () => ({ PORT: 'http', ENGINE: 'torch' }), /^PORT: .*\nENGINE: .*\n$/],
    [
      'a checkpoint that is none',
      () => ({ GHN_CHECKPOINTS: join(folder, 'broken.pt') }),
      /broken\.pt: is text, "no checkpoint at all"; expected a torch\.save/,
    ],
    [
      'an engine that has no GPU here',
      () => ({ ENGINE: 'wasm', DEVICE: 'cuda' }),
      /ENGINE=wasm cannot use DEVICE=cuda: it needs/,
    ],
    ['a store that is not a directory', () => ({ STORE: join(folder, 'broken.pt') }), /broken\.pt/],
    ['an address that is not its own', () => ({ HOST: '192.0.2.1' }), /192\.0\.2\.1/],
  ];
  beforeAll(() => writeFile(join(folder, 'broken.pt'), 'no checkpoint at all'));

  it.each(refusals)('%s', async (_, settings, reason) => {
    const program = start(settings());
    program.stdout!.resume();
    const [exit, message] = await Promise.all([exitOf(program), text(program.stderr!)]);
    expect(exit).toEqual({ code: 2, signal: null });
    expect(message).toMatch(reason);
  });
});

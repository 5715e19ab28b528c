/**
 * Measures how long bodies of 16 MB block the service's event loop: `npx tsx proof/bench/bodies.ts [directory of a
 * built service]…`. Several directories, such as before and after a change, are measured one after the other. Exits
 * with 1 if the last one's event loop was blocked for longer than 50 ms.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BODIES } from './bodies/bodies.js';

/** Longest time that a request should wait for another client's body. */
const MAX_HOLD_MS = 50;

/** Number of tries, of which the best counts: other work on the machine sometimes blocks the loop. */
const TRIES = 3;

const HOOK = fileURLToPath(new URL('bodies/loop-hook.mjs', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const directories = process.argv.slice(2).map((path) => resolve(path));
if (directories.length === 0) directories.push(ROOT);

/** Returns the longest time, in milliseconds, that the service's event loop was blocked since the last call. */
async function held(service: ChildProcess): Promise<number> {
  const answer = once(service, 'message') as Promise<[{ milliseconds: number }]>;
  service.send('held?');
  return (await answer)[0].milliseconds;
}

interface Answer {
  readonly status: number;
  readonly seconds: number;
  readonly detail: string;
}

function post(port: number, body: string): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request({ port, method: 'POST', path: '/predict', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        if (response.statusCode !== 200) chunks.push(chunk);
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          seconds: (performance.now() - start) / 1000,
          detail: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function measure(directory: string): Promise<number> {
  const store = await mkdtemp(join(tmpdir(), 'ghn-serve-bodies-'));
  const service = spawn(process.execPath, ['--import', HOOK, join(directory, 'dist/main.js')], {
    env: { ...process.env, STORE: store, PORT: '0', LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const port = await portOf(service);
  // Warms up the code and starts the process that reads bodies.
  const warm = Object.values(BODIES)[0]();
  await post(port, warm);
  await post(port, warm);
  let longest = 0;
  console.log(`\n${directory}, load ${loadavg()[0].toFixed(1)}`);
  for (const [name, make] of Object.entries(BODIES)) {
    const body = make();
    let best = Number.POSITIVE_INFINITY;
    let answer: Answer | null = null;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      await held(service);
      const sent = body.endsWith('}}') ? `${body.slice(0, -1)},"seed":${attempt}}` : body;
      answer = await post(port, sent);
      await setTimeout(200);
      best = Math.min(best, await held(service));
    }
    longest = Math.max(longest, best);
    const megabytes = (body.length / 2 ** 20).toFixed(1);
    console.log(
      `${best.toFixed(0).padStart(6)} ms held  ${answer!.seconds.toFixed(2).padStart(6)} s  ${answer!.status}  ${megabytes.padStart(5)} MB  ${name}` +
        (process.env.DETAIL ? `\n      ${answer!.detail.slice(0, 300)}` : ''),
    );
  }
  service.kill('SIGTERM');
  await once(service, 'exit');
  await rm(store, { recursive: true, force: true });
  return longest;
}

/** Returns the port of the service once it is ready. */
async function portOf(service: ChildProcess): Promise<number> {
  let port = 0;
  let text = '';
  for await (const chunk of service.stdout!.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    port ||= Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? 0);
    if (port > 0 && text.includes('"ready"')) break;
  }
  service.stdout!.resume();
  return port;
}

let longest = 0;
for (const directory of directories) longest = await measure(directory);
process.exitCode = longest > MAX_HOLD_MS ? 1 : 0;

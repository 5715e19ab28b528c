import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GHN3_T, GHN3_XL, writeRandomCheckpoint } from './checkpoint.js';
import { livezWhile, median, RunningService, request } from './service.js';

/**
 * The speed of whole requests over loopback: GHN-3-T beside a bare Node server that sends as many bytes, and a GHN-3-XL.
 * Every request has another seed, so that nothing comes from the store.
 */
const RUNS = Number(process.env.RUNS ?? 9);

const architecture = (name: string) =>
  JSON.parse(
    readFileSync(new URL(`../../test/fixtures/architectures/${name}.json`, import.meta.url), 'utf8'),
  );

let seed = 1;
const predict = (port: number, name: string, options: object = {}) =>
  request(
    port,
    'POST',
    '/predict',
    JSON.stringify({ architecture: architecture(name), seed: seed++, ...options }),
  );

/** Peak resident memory of a process and of those that it started, in bytes. */
function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const own = 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  return children.reduce((sum, child) => sum + peakMemory(Number(child)), own);
}

async function ghn3Tiny(directory: string): Promise<void> {
  const checkpoint = join(directory, 'ghn3-t.safetensors');
  await writeRandomCheckpoint(checkpoint, GHN3_T);
  const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint }, 3901);
  console.log(`GHN-3-T: ready after ${service.secondsToReady.toFixed(2)} s`);
  const { bytes } = await predict(service.port, 'resnet50');
  const bare = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL('./bare-server.ts', import.meta.url))],
    {
      env: { ...process.env, BYTES: String(bytes), PORT: '3902' },
      stdio: 'inherit',
    },
  );
  await setTimeout(2000);
  const body = JSON.stringify({ architecture: architecture('resnet50') });
  const ours: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  const tiled: number[] = [];
  for (let run = 0; run < RUNS + 2; run++) {
    const own = (await predict(service.port, 'resnet50')).milliseconds;
    const other = (await request(3902, 'POST', '/', body)).milliseconds;
    const small = await predict(service.port, 'resnet50', { format: 'tiled' });
    if (run < 2) continue;
    ours.push(own);
    theirs.push(other);
    ratios.push(own / other);
    tiled.push(small.milliseconds);
  }
  bare.kill();
  for (const name of ['resnet50', 'convnext_base']) {
    const seconds: number[] = [];
    const p99s: number[] = [];
    for (let run = 0; run < 5; run++) {
      const postprocess = { noise: 3e-5, orthogonalize: true, seed: run };
      const { result, p99 } = await livezWhile(service.port, predict(service.port, name, { postprocess }));
      const stage = /postprocess;dur=([\d.]+)/.exec(String(result.headers['server-timing']))?.[1];
      seconds.push(Number(stage) / 1000);
      p99s.push(p99);
    }
    console.log(
      `${name}, post-processing: ${median(seconds).toFixed(2)} s; /livez meanwhile p99 ${median(p99s).toFixed(0)} ms (medians of 5)`,
    );
  }
  await service.stop();
  console.log(
    `ResNet-50, ${(bytes / 1e6).toFixed(0)} MB: ${median(ours).toFixed(0)} ms; a bare server ${median(theirs).toFixed(0)} ms; ` +
      `ratio ${median(ratios).toFixed(2)} (median of ${RUNS} pairs)`,
  );
  console.log(`ResNet-50 tiled, from nothing: ${median(tiled).toFixed(0)} ms`);
}

async function ghn3Xl(directory: string): Promise<void> {
  const checkpoint = process.env.GHN_XL_CHECKPOINT ?? join(directory, 'ghn3-xl.safetensors');
  if (!existsSync(checkpoint)) await writeRandomCheckpoint(checkpoint, GHN3_XL);
  const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint }, 3903);
  console.log(`GHN-3-XL: ready after ${service.secondsToReady.toFixed(2)} s`);
  for (const name of ['resnet50', 'convnext_base']) {
    const seconds: number[] = [];
    for (let run = 0; run < 5; run++) seconds.push((await predict(service.port, name)).milliseconds / 1000);
    console.log(`${name}: ${median(seconds).toFixed(2)} s (median of ${seconds.length})`);
  }
  console.log(`peak memory of all processes: ${(peakMemory(service.pid) / 1e9).toFixed(2)} GB`);
  await service.stop();
}

const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
try {
  const only = process.argv[2];
  if (!only || only === 't') await ghn3Tiny(directory);
  if (!only || only === 'xl') await ghn3Xl(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}

/**
 * Measures the memory of many slow downloads of a large network: `npx tsx bench/memory.ts`, after `npm run build`. A
 * ViT-L of 1.2 GB is predicted and stored. Then CLIENTS (32) read it for SECONDS (20), each at MEGABYTES (2) per
 * second, and disconnect. GHN_TINY_CHECKPOINT names the GHN; by default it is one of the same size with random weights.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { GHN3_T, writeRandomCheckpoint } from './checkpoint.js';
import { RunningService, request } from './service.js';

const CLIENTS = Number(process.env.CLIENTS ?? 32);
const SECONDS = Number(process.env.SECONDS ?? 20);
const BYTES_PER_SECOND = Number(process.env.MEGABYTES ?? 2) * 1e6;
const NETWORK = process.env.NETWORK ?? 'vit_l_16';

/** Options of post-processing, as JSON. Post-processed weights are not tiled, so they are stored in full size. */
const { POSTPROCESS } = process.env;

const SAMPLE_MS = 100;

/** Returns the memory of the main process, which serves the downloads. */
function residentMemory(pid: number): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

const openFiles = (pid: number) => readdirSync(`/proc/${pid}/fd`).length;

/** Reads no faster than that. When the time is over, disconnects and resolves with the number of bytes read. */
function readSlowly(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const start = performance.now();
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
        const early = (bytes / BYTES_PER_SECOND) * 1000 - (performance.now() - start);
        if (early <= 0) return;
        response.pause();
        void setTimeout(early).then(() => response.resume());
      });
      void setTimeout(SECONDS * 1000).then(() => {
        outgoing.destroy();
        resolve(bytes);
      });
      response.on('error', () => resolve(bytes));
    });
    outgoing.on('error', reject);
  });
}

const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-memory-'));
let checkpoint = process.env.GHN_TINY_CHECKPOINT;
if (!checkpoint) {
  checkpoint = join(directory, 'ghn3-t.safetensors');
  await writeRandomCheckpoint(checkpoint, GHN3_T);
}
const service = await RunningService.start({ GHN_CHECKPOINTS: `ghn3-t=${checkpoint}` }, 3903);
const { port, pid } = service;
const report = (when: string, bytes: number, files: number) =>
  console.log(`${when}: ${(bytes / 1e6).toFixed(0)} MB resident, ${files} files open`);

const options = POSTPROCESS ? { postprocess: JSON.parse(POSTPROCESS) } : {};
const body = JSON.stringify({ architecture: NETWORK, ...options });
const { headers, bytes } = await request(port, 'POST', '/predict', body);
// The digest is computed before this is answered, and not while the downloads are measured.
await request(port, 'GET', headers.location!);
const before = residentMemory(pid);
report(`${NETWORK}, ${(bytes / 1e6).toFixed(0)} MB, is stored`, before, openFiles(pid));

let peak = before;
let files = 0;
const sampling = setInterval(() => {
  peak = Math.max(peak, residentMemory(pid));
  files = Math.max(files, openFiles(pid));
}, SAMPLE_MS);
const read = await Promise.all(
  Array.from({ length: CLIENTS }, () => readSlowly(port, `${headers.location}/weights`)),
);
clearInterval(sampling);
const total = read.reduce((sum, count) => sum + count, 0);
report(
  `${CLIENTS} clients have read ${(total / 1e6).toFixed(0)} MB in ${SECONDS} s; at the peak`,
  peak,
  files,
);
console.log(`growth: ${((peak - before) / 1e6).toFixed(0)} MB`);
await setTimeout(1000);
report('a second after they have hung up', residentMemory(pid), openFiles(pid));

await service.stop();
await rm(directory, { recursive: true });

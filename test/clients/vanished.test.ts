import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { unpack } from '../store/directory/setup.js';
import { getJson, network, predicted } from './prediction.js';
import { FULL, times } from './proof.js';
import { ServiceProcess } from './service-process.js';

/** Number of abandoned downloads. */
const ABORTS = times('PROOF_ABORTS', 120, 600);

const AT_ONCE = 12;

const SMALL = { architecture: network('squeezenet1_1-10') };

/**
 * Allowed growth: the buffers of one download, and memory that the allocator keeps. A leak would add 3 MB for each
 * download.
 */
const SLACK_BYTES = 96e6;

const TIMEOUT_MS = 300_000;

let folder: string;
let service: ServiceProcess;
let prediction: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ghn-serve-vanished-'));
  service = await ServiceProcess.start(folder);
  prediction = await predicted(service.url, { architecture: network('resnet18-10') });
});

afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

type Abort = (socket: Socket) => Promise<void>;

const received = (socket: Socket, bytes: number) =>
  new Promise<void>((resolve) => {
    let count = 0;
    socket.on('data', (chunk: Buffer) => {
      count += chunk.length;
      if (count >= bytes) resolve();
    });
    socket.once('close', () => resolve());
  });

/** Ways of abandoning a download of 45 MB. */
const ABORT: readonly Abort[] = [
  // Before the answer, or during its first bytes.
  async () => {},
  async () => setTimeout(Math.random() * 5),
  async (socket) => received(socket, 1),
  async (socket) => received(socket, Math.random() * 20e6),
  // Stops reading, then disconnects.
  async (socket) => {
    await received(socket, 1);
    socket.pause();
    await setTimeout(50);
  },
];

function connectToService(): Socket {
  const { hostname, port } = new URL(service.url);
  return connect({ host: hostname, port: Number(port) }).on('error', () => {});
}

async function giveUp(request: string, abort: Abort): Promise<void> {
  const socket = connectToService();
  await new Promise((resolve) => socket.write(request, resolve));
  await abort(socket);
  if (Math.random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
}

const get = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;

function postRequest(seed: number): string {
  const body = JSON.stringify({ ...SMALL, seed });
  const headers = `Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `POST /predict HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`;
}

/** Starts downloads of all kinds and abandons each in one of the ways, some at the same time. */
async function giveUpMany(): Promise<void> {
  const path = `${new URL(prediction).pathname}/weights`;
  const requests = [
    () => get(path),
    () => get(path, 'Range: bytes=1000-30000000,32000000-\r\n'),
    () => get(`${path}?rank=1&world_size=2&dim=1`),
    () => get(`${path}?format=npz`),
    () => postRequest(Math.floor(Math.random() * 4)),
    () => postRequest(Math.floor(Math.random() * 2 ** 40)),
  ];
  let done = 0;
  const client = async () => {
    while (done < ABORTS) {
      const index = done++;
      await giveUp(
        requests[index % requests.length](),
        ABORT[Math.floor(index / requests.length) % ABORT.length],
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
}

const filesOf = (kind: (file: string) => boolean) => async () =>
  (await service.openFiles()).filter(kind).length;
const storeFiles = filesOf((file) => file.startsWith(folder));
const connections = filesOf((file) => file.startsWith('socket:'));

/** Number of rounds of abandoned downloads. Memory must not grow in at least one of them. */
const ROUNDS = 5;

const poll = <T>(value: () => Promise<T>) => expect.poll(value, { timeout: 30_000 });

describe.skipIf(!existsSync('/proc/self/fd'))('clients that disconnect', () => {
  it(
    `${ABORTS} times during a download leave no file of the store and no connection open`,
    async () => {
      const before = await connections();
      await giveUpMany();
      await poll(storeFiles).toBe(0);
      await poll(connections).toBeLessThanOrEqual(before);
    },
    TIMEOUT_MS,
  );

  it.each([
    ['weights', (id: string) => get(`/predictions/${id}/weights`)],
    ['one tensor', (id: string) => get(`/predictions/${id}/tensors/classifier.1.weight`)],
    ['a prediction that is stored', () => postRequest(1)],
  ])('before the store has found %s leave nothing of it open', async (_, request) => {
    const id = (await predicted(service.url, { ...SMALL, seed: 1 })).split('/').at(-1)!;
    await getJson(`${service.url}/predictions/${id}`);
    await poll(storeFiles).toBe(0);
    // A pipe in place of a file simulates a slow store: reading it waits until something is written.
    const record = join(await unpack(folder, id), 'record.json');
    const content = await readFile(record);
    await rename(record, `${record}.aside`);
    execFileSync('mkfifo', [record]);
    const before = await connections();
    const socket = connectToService();
    socket.write(request(id));
    await poll(storeFiles).toBeGreaterThan(0);
    await poll(connections).toBe(before + 1);
    socket.resetAndDestroy();
    await poll(connections).toBe(before);
    await writeFile(record, content);
    await rename(`${record}.aside`, record);
    await poll(storeFiles).toBe(0);
  });

  it('leave the service idle, so that it computes digests then', async () => {
    const prediction = await predicted(service.url, { ...SMALL, seed: 2 ** 41 });
    await poll(async () => {
      const { predictions } = await getJson<{ predictions: PredictionView[] }>(`${service.url}/predictions`);
      return predictions.find(({ id }) => prediction.endsWith(id))?.digest;
    }).toMatch(/^sha256:/);
  });

  it(
    'leave no memory allocated',
    async () => {
      // Garbage may be collected at any time, but a leak shows in every round.
      let growth = Number.POSITIVE_INFINITY;
      for (let round = 0; round < ROUNDS && growth >= SLACK_BYTES; round++) {
        const before = await service.residentMemory();
        await giveUpMany();
        growth = (await service.residentMemory()) - before;
      }
      expect(growth).toBeLessThan(SLACK_BYTES);
    },
    TIMEOUT_MS,
  );

  it.skipIf(!FULL)(
    'without closing their connection are dropped after a while, but slow readers are not',
    async () => {
      const patient = await ServiceProcess.start(join(folder, 'patient'), { REQUEST_TIMEOUT_MS: '5000' });
      const weights = `${await predicted(patient.url, { architecture: network('resnet18-10') })}/weights`;
      // A paused socket does not report that it was closed, but the service's file descriptors show it.
      const sockets = async () =>
        (await patient.openFiles()).filter((file) => file.startsWith('socket:')).length;
      const before = await sockets();
      const { hostname, port, pathname } = new URL(weights);
      const open = () => {
        const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {});
        socket.write(get(pathname));
        return socket.pause();
      };
      const slow = open();
      const stalled = Array.from({ length: 20 }, open);
      let bytes = 0;
      const reading = setInterval(() => {
        bytes += (slow.read() as Buffer | null)?.length ?? 0;
      }, 1000);
      try {
        await poll(sockets).toBe(before + 1 + stalled.length);
        await expect.poll(sockets, { timeout: 120_000 }).toBeLessThanOrEqual(before + 1);
        const read = bytes;
        await poll(async () => bytes).toBeGreaterThan(read);
      } finally {
        clearInterval(reading);
        for (const socket of [slow, ...stalled]) socket.destroy();
        await patient.stop();
      }
    },
    TIMEOUT_MS,
  );
});

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Clients, sha256 } from './clients.js';
import type { Finding, ProofOptions } from './finding.js';
import { Fleet } from './fleet.js';

const STORE_MAX_BYTES = 6 * 2 ** 20;

/** Interval of the checks of the store's size. */
const LOOK_MS = 100;

/** Number of networks that are downloaded repeatedly. Together they take a third of the store. */
const DOWNLOADED = 8;

/** Pause between reads, so that a download of 6 MB takes some seconds. */
const PAUSE_MS = 50;

const NETWORK = new URL('../../test/fixtures/architectures/mobilenet_v3_small-10.json', import.meta.url);

/** Fills a small store with predictions of many times its size, while large predictions are read from it slowly. */
export async function boundHolds({ stored, program }: ProofOptions): Promise<Finding> {
  const settings = { STORE_MAX_BYTES: String(STORE_MAX_BYTES) };
  const fleet = await Fleet.start({ api: 2, worker: 2 }, settings, program);
  const began = performance.now();
  const clients = new Clients(fleet, 1000);
  const architecture = JSON.parse(await readFile(NETWORK, 'utf8')) as object;
  let most = 0;
  let downloads = 0;
  let isOver = false;
  const watching = async () => {
    while (!isOver) {
      most = Math.max(most, await bytesIn(join(fleet.s3.folder, 'proof')));
      await setTimeout(LOOK_MS);
    }
  };
  const writing = async () => {
    while (clients.answered < stored) await clients.ask(clients.fresh);
  };
  const downloading = async () => {
    for (let k = 0; !isOver; k++) {
      const body = JSON.stringify({ architecture, seed: k % DOWNLOADED });
      const fault = await download(clients, body).catch((error: unknown) => `a download broke: ${error}`);
      if (fault) clients.faults.push(fault);
      downloads++;
    }
  };
  try {
    const besides = [watching(), downloading()];
    await Promise.all([writing(), writing(), writing()]);
    isOver = true;
    await Promise.all(besides);
    if (most > STORE_MAX_BYTES) clients.faults.push(`the bucket held ${most} bytes of ${STORE_MAX_BYTES}`);
  } finally {
    isOver = true;
    await fleet.stop();
  }
  const figures =
    `${clients.answered} predictions: at most ${most} of ${STORE_MAX_BYTES} bytes, ${downloads} slow downloads; ` +
    `${((performance.now() - began) / 1000).toFixed(1)} s`;
  return {
    claim: 'the store never holds more than it may, and breaks no download',
    figures,
    faults: clients.faults,
  };
}

/** Reads an answer slowly and compares it with its record. Returns a description of a fault, or null. */
async function download({ url }: Clients, body: string): Promise<string | null> {
  const answer = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  if (!answer.ok) return `a download was answered with ${answer.status}`;
  const parts: Uint8Array[] = [];
  for await (const part of answer.body!) {
    parts.push(part as Uint8Array);
    await setTimeout(PAUSE_MS);
  }
  const record = await fetch(new URL(answer.headers.get('location')!, url));
  const { digest } = (await record.json()) as { digest: string };
  const read = `sha256:${sha256(Buffer.concat(parts))}`;
  return read === digest ? null : `a download had ${read}, and its record ${digest}`;
}

/** Returns the bytes of the objects under a folder. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

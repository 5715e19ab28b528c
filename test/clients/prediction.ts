import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Graph } from '../../src/architecture/schema.js';
import type { PredictionView } from '../../src/routes/predictions/view.js';

/** Returns the graph of a network in test/fixtures/architectures. */
export function network(name: string): Graph {
  const file = new URL(`../fixtures/architectures/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Graph;
}

export interface Postprocess {
  readonly noise?: number;
  readonly orthogonalize?: boolean;
  readonly seed?: number;
}

export interface PredictBody {
  readonly architecture: Graph;
  readonly postprocess?: Postprocess | undefined;
  readonly seed?: number;
  readonly dtype?: string;
}

export function post(url: string, body: PredictBody, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/predict`, {
    ...init,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...init.headers },
    body: JSON.stringify(body),
  });
}

/** Requests a prediction and returns its address. */
export async function predicted(url: string, body: PredictBody): Promise<string> {
  const response = await post(url, body);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  for await (const _ of response.body!);
  return `${url}${response.headers.get('location')}`;
}

export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

export const getRecord = (prediction: string) => getJson<PredictionView>(prediction);

const body = (response: Response) => Readable.fromWeb(response.body as ReadableStream<Uint8Array>);

/** Returns the digest of a body, in the form of a record's `digest`, without keeping the body. */
export async function digestOf(response: Response): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of body(response)) hash.update(chunk as Uint8Array);
  return `sha256:${hash.digest('hex')}`;
}

export async function download(url: string, path: string): Promise<void> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  await pipeline(body(response), createWriteStream(path));
}

import { createHash } from 'node:crypto';
import type { Exchange } from '../exchange.js';
import { known } from './download.js';

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Downloads one rank's part of every tensor. */
export async function downloadSlice(exchange: Exchange): Promise<void> {
  const { random } = exchange;
  const { id, request } = await known(exchange);
  const worldSize = random.pick([2, 3, 8]);
  const query = `rank=${random.below(worldSize)}&world_size=${worldSize}&dim=${random.below(2)}`;
  const answer = await exchange.fetch('GET weights, a slice', `/predictions/${id}/weights?${query}`);
  exchange.same(`the slice ${query} of ${request.key}`, answer.digest);
}

/** Downloads weights in another format and element type than requested at first. */
export async function downloadConverted(exchange: Exchange): Promise<void> {
  const { id, request } = await known(exchange);
  const query = exchange.random.pick([
    'format=npz&dtype=F16',
    'format=npz&dtype=F32',
    'dtype=BF16&format=safetensors',
  ]);
  const answer = await exchange.fetch('GET weights, converted', `/predictions/${id}/weights?${query}`);
  exchange.same(`${query} of ${request.key}`, answer.digest);
}

/** Downloads some tensors, and one of them separately, and compares the bytes. */
export async function downloadTensor(exchange: Exchange): Promise<void> {
  const { id, request } = await known(exchange, ({ request }) => !request.isLarge);
  const base = `/predictions/${id}`;
  const { body } = await exchange.fetch('GET weights, some tensors', `${base}/weights?tensors=*&dtype=F32`);
  const dataStart = 8 + Number(body.readBigUInt64LE());
  const { __metadata__: _, ...tensors } = JSON.parse(body.toString('utf8', 8, dataStart)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const name = exchange.random.pick(Object.keys(tensors));
  const [start, end] = tensors[name].data_offsets;
  const path = `${base}/tensors/${encodeURIComponent(name)}?dtype=F32`;
  const answer = await exchange.fetch('GET a tensor', path);
  exchange.same(`${name} of ${request.key}`, digestOf(body.subarray(dataStart + start, dataStart + end)));
  exchange.same(`${name} of ${request.key}`, answer.digest);
}

/** Downloads a TensorFlow.js model and all files that it names. */
export async function downloadTfjs(exchange: Exchange): Promise<void> {
  const { random, world } = exchange;
  let prediction = world.shelf.pick(random, ({ request }) => request.isKeras);
  if (!prediction) {
    const request = world.requests.repeated(random, ({ isKeras }) => isKeras);
    const { id, answer } = await exchange.predict(request);
    prediction = { id, digest: answer.digest, request };
  }
  const { id, request } = prediction;
  const base = `/predictions/${id}/tfjs`;
  const model = await exchange.fetch('GET tfjs model', `${base}/model.json`);
  exchange.same(`the tfjs model of ${request.key}`, model.digest);
  const { weightsManifest } = JSON.parse(model.body.toString()) as { weightsManifest: { paths: string[] }[] };
  for (const path of weightsManifest.flatMap(({ paths }) => paths)) {
    const shard = await exchange.fetch('GET tfjs weights', `${base}/${path}`);
    exchange.same(`the tfjs file ${path} of ${request.key}`, shard.digest);
  }
}

export async function readStatistics(exchange: Exchange): Promise<void> {
  const { id, request } = await known(exchange, ({ request }) => !request.isLarge);
  const answer = await exchange.fetch('GET statistics', `/predictions/${id}/statistics`);
  exchange.same(`the statistics of ${request.key}`, answer.digest);
}

export async function readGraph(exchange: Exchange): Promise<void> {
  const { id, request } = await known(exchange);
  const answer = await exchange.fetch('GET architecture', `/predictions/${id}/architecture`);
  exchange.same(`the graph of ${request.key}`, answer.digest);
}

import fc from 'fast-check';
import { graphs, kerasModels, layers } from '../inputs/architectures.js';
import { changed } from '../inputs/bytes.js';
import { jsonTexts } from '../inputs/json-text.js';
import { ranges, targets as requestTargets } from '../inputs/requests.js';
import { TINY_LAYERS } from '../inputs/tiny-layers.js';
import { outcomeOf, startFuzzedService } from './service.js';
import { GARBAGE_BYTES, type Target } from './target.js';

const MIB = 2 ** 20;

const MEMORY = {
  constant: GARBAGE_BYTES + 64 * MIB,
  factor: 400,
  reason:
    'the value and its checked copy, on the service’s side of the socket and the client’s, and the answer twice',
};

const KERAS = {
  class_name: 'Sequential',
  config: {
    name: 'tiny',
    layers: [
      { class_name: 'InputLayer', config: { name: 'image', batch_input_shape: [null, 8, 8, 3] } },
      { class_name: 'Conv2D', config: { name: 'conv', filters: 8, kernel_size: [3, 3], padding: 'same' } },
      { class_name: 'Flatten', config: { name: 'flatten' } },
      { class_name: 'Dense', config: { name: 'dense', units: 4 } },
    ],
  },
};

const BODIES = [
  { architecture: TINY_LAYERS },
  { architecture: TINY_LAYERS, dtype: 'F16', format: 'npz', seed: 3 },
  { architecture: { keras: KERAS }, predict_classifier: false },
  {
    architecture: TINY_LAYERS,
    postprocess: { noise: 0.01, orthogonalize: true, from_layer: 0, min_channels: 2, seed: 1 },
  },
];

const JSON_HEADER = 'content-type: application/json\r\n';

const architecture = fc.oneof(graphs, layers, kerasModels, fc.jsonValue({ maxDepth: 4 }));

const bodies: Target = {
  name: 'bodies',
  share: 4,
  memory: MEMORY,
  inputs: (corpus) =>
    jsonTexts(
      BODIES,
      corpus,
      fc.oneof(
        architecture.map((given) => ({ architecture: given })),
        fc.jsonValue({ maxDepth: 4 }),
      ),
    ),
  valid: () => Buffer.from(JSON.stringify(BODIES[0])),
  open: async () => {
    const service = await startFuzzedService();
    return {
      run: async (input) => {
        const response = await service.request('POST', '/predict', JSON_HEADER, input);
        const location = response.headers.get('location');
        // All resources of an accepted prediction have to be answered as well.
        if (response.status === 200 && location) {
          for (const path of ['', '/architecture', '/statistics', '/tfjs/model.json']) {
            await service.request('GET', `${location}${path}`);
          }
          await service.request('DELETE', location);
        }
        return outcomeOf(response);
      },
      close: () => service.close(),
    };
  },
};

/** Makes one prediction for the requests, in which `{id}` stands for its id. */
async function withPrediction() {
  const service = await startFuzzedService();
  const body = Buffer.from(JSON.stringify({ architecture: { keras: KERAS } }));
  const response = await service.request('POST', '/predict', JSON_HEADER, body);
  const location = response.headers.get('location')!;
  // The first request for statistics starts a process, which must not count for an input.
  await service.request('GET', `${location}/statistics`);
  return {
    service,
    location,
    whole: response.body,
    etag: response.headers.get('etag')!,
  };
}

const ranged: Target = {
  name: 'ranges',
  share: 3,
  memory: MEMORY,
  inputs: (corpus) =>
    fc.oneof({ weight: 5, arbitrary: ranges }, ...(corpus.length > 0 ? [changed(corpus)] : [])),
  valid: () => Buffer.from('range: bytes=0-9\r\n'),
  open: async () => {
    const { service, location, whole, etag } = await withPrediction();
    return {
      run: async (input) => {
        const headers = headerLines(input).replaceAll('{etag}', etag);
        const response = await service.request('GET', `${location}/weights`, headers);
        const { status, body } = response;
        if (status === 200 && !body.equals(whole)) throw new Error('200 with other bytes than the whole');
        if (status === 206) checkRanges(response.headers, body, whole);
        return outcomeOf(response);
      },
      close: () => service.close(),
    };
  },
};

/**
 * Returns header lines that do not change where the request ends. With others, the service correctly waits for more.
 */
function headerLines(input: Buffer): string {
  const lines = input.toString('latin1').split(/[\r\n]+/);
  return lines
    .filter(
      (line) => line !== '' && !/^(content-length|transfer-encoding|expect|connection|upgrade)\b/i.test(line),
    )
    .map((line) => `${line}\r\n`)
    .join('');
}

/** Checks that every part has the bytes that its range gives. */
function checkRanges(headers: ReadonlyMap<string, string>, body: Buffer, whole: Buffer): void {
  const RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/;
  const expectPart = (range: string | undefined, part: Buffer) => {
    const [, start, end, total] = RANGE.exec(range ?? '') ?? [];
    if (Number(total) !== whole.length) throw new Error(`content-range: ${range} of ${whole.length} bytes`);
    if (!whole.subarray(Number(start), Number(end) + 1).equals(part))
      throw new Error(`other bytes than ${range}`);
  };
  const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(headers.get('content-type') ?? '')?.[1];
  if (boundary === undefined) {
    expectPart(headers.get('content-range'), body);
    return;
  }
  const parts = body.toString('latin1').split(`\r\n--${boundary}`);
  if (parts.at(0) !== '' || parts.at(-1) !== '--\r\n') throw new Error('a multipart body without its ends');
  for (const part of parts.slice(1, -1)) {
    const head = part.slice(0, part.indexOf('\r\n\r\n'));
    const range = /content-range: (.+)/i.exec(head)?.[1];
    expectPart(range, Buffer.from(part.slice(head.length + 4), 'latin1'));
  }
}

const queries: Target = {
  name: 'queries',
  share: 4,
  memory: MEMORY,
  inputs: (corpus) =>
    fc.oneof({ weight: 8, arbitrary: requestTargets }, ...(corpus.length > 0 ? [changed(corpus)] : [])),
  valid: () => Buffer.from('/predictions/{id}/weights?tensors=*'),
  open: async () => {
    const { service, location } = await withPrediction();
    const id = location.split('/').at(-1)!;
    return {
      run: async (input) => {
        const target = input.toString('latin1').replaceAll(/[\r\n]/g, '');
        return outcomeOf(await service.request('GET', target.replaceAll('{id}', id)));
      },
      close: () => service.close(),
    };
  },
};

export const HTTP_TARGETS: readonly Target[] = [bodies, ranged, queries];

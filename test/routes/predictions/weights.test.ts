import fc from 'fast-check';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ReadyBytes } from '../../../src/format/layout.js';
import { fixtureGraph } from '../../architecture/fixtures.js';
import { parseSafetensors, readZipEntries } from '../../format/files.js';
import { bytesOf, predicted, tensorsOf } from '../../helpers/http.js';
import { expectProblem } from '../../helpers/problems.js';
import { startService, type TestService } from '../../helpers/service.js';

const architecture = fixtureGraph('squeezenet1_1-10');

let service: TestService;
/** Addresses of a SqueezeNet, and of one with post-processing. */
let prediction: string;
let processed: string;
/** The weights of the first in the requested format. */
let whole: Uint8Array;
let etag: string;
let tensors: ReadonlyMap<string, Float32Array>;

beforeAll(async () => {
  service = await startService();
  prediction = await predicted(service.url, { architecture });
  processed = await predicted(service.url, { architecture, postprocess: { orthogonalize: true } });
  const response = await fetch(`${prediction}/weights`);
  etag = response.headers.get('etag')!;
  whole = await bytesOf(response.clone());
  tensors = await tensorsOf(response);
});
afterAll(() => service.stop());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${prediction}${path}`, { headers });

/** Returns true if both hold the same bytes. The test runner would take seconds to compare them entry by entry. */
function same(actual: NodeJS.ArrayBufferView, expected: NodeJS.ArrayBufferView): boolean {
  const [a, b] = [actual, expected].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
  );
  return a.equals(b);
}

const slice = (start: number, end: number) => whole.slice(start, end);

/** Returns the parts of a multipart body (RFC 2046), by its boundary. */
function partsOf(contentType: string, body: Uint8Array): { headers: string; content: Uint8Array }[] {
  const [, boundary] = /^multipart\/byteranges; boundary=(.+)$/.exec(contentType)!;
  const text = Buffer.from(body).toString('latin1');
  const pieces = text.split(`\r\n--${boundary}`);
  expect(pieces[0]).toBe('');
  expect(pieces.at(-1)).toBe('--\r\n');
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    return { headers: piece.slice(2, end), content: Buffer.from(piece.slice(end + 4), 'latin1') };
  });
}

describe('all weights', () => {
  it('are the answer of POST /predict, with its length and etag', async () => {
    const answered = await fetch(`${service.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ architecture }),
    });
    expect(answered.headers.get('etag')).toBe(etag);
    expect(same(await bytesOf(answered), whole)).toBe(true);
    const response = await get('/weights');
    expect(response.headers.get('content-length')).toBe(String(whole.length));
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename=".+\.safetensors"$/);
  });

  it('are described by HEAD without being sent', async () => {
    const head = await fetch(`${prediction}/weights`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(whole.length));
    expect(head.headers.get('etag')).toBe(etag);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
  });
});

describe('a range', () => {
  it('at any place equals that part of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(300_000), async (start, length) => {
        const end = Math.min(whole.length, start + length + 1);
        const response = await get('/weights', { range: `bytes=${start}-${end - 1}` });
        expect(response.status).toBe(206);
        expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${whole.length}`);
        expect(response.headers.get('content-length')).toBe(String(end - start));
        expect(same(await bytesOf(response), slice(start, end))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=100-', 100, Number.POSITIVE_INFINITY],
    ['bytes=-5', -5, Number.POSITIVE_INFINITY],
    ['bytes=-99999999999', 0, Number.POSITIVE_INFINITY],
    ['bytes=7-99999999999', 7, Number.POSITIVE_INFINITY],
    ['bytes=10-19,15-25', 10, 26],
  ])('%s is bytes %d to %d', async (range, start, end) => {
    const response = await get('/weights', { range });
    expect(response.status).toBe(206);
    expect(same(await bytesOf(response), slice(start, end))).toBe(true);
  });

  it.each(['bytes=99999999999-', 'bytes=-0', 'bytes=99999999999-999999999999'])(
    '%s is beyond the end: 416, with the length there is',
    async (range) => {
      const answer = await request(prediction).get('/weights').set('range', range);
      expectProblem(answer, 416, { detail: `There are ${whole.length} bytes.` });
      expect(answer.headers).not.toHaveProperty('content-disposition');
      expect(answer.headers['content-range']).toBe(`bytes */${whole.length}`);
    },
  );

  it.each(['lines=1-2', 'bytes', 'bytes=x-y', 'nonsense'])(
    '%s is not a valid range, and the whole is sent',
    async (range) => {
      const response = await get('/weights', { range });
      expect(response.status).toBe(200);
      expect((await bytesOf(response)).length).toBe(whole.length);
    },
  );

  it('is described by HEAD', async () => {
    const head = await fetch(`${prediction}/weights`, { method: 'HEAD', headers: { range: 'bytes=5-9' } });
    expect(head.status).toBe(206);
    expect(head.headers.get('content-length')).toBe('5');
  });

  it('resumes a download to the same bytes', async () => {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < whole.length; ) {
      const controller = new AbortController();
      const response = await fetch(`${prediction}/weights`, {
        headers: { range: `bytes=${at}-`, 'if-range': etag },
        signal: controller.signal,
      });
      const { value } = await response.body!.getReader().read();
      controller.abort();
      pieces.push(value!);
      at += value!.length;
    }
    expect(pieces.length).toBeGreaterThan(1);
    expect(same(Buffer.concat(pieces), whole)).toBe(true);
  });
});

describe('several ranges', () => {
  it('are the parts of one answer, with its length', async () => {
    const response = await get('/weights', { range: 'bytes=0-7,1000-1999,-10' });
    const body = await bytesOf(response.clone());
    expect(response.status).toBe(206);
    expect(response.headers.get('content-length')).toBe(String(body.length));
    const parts = partsOf(response.headers.get('content-type')!, body);
    const last = whole.length - 10;
    expect(parts.map(({ headers }) => headers)).toEqual(
      ['0-7', '1000-1999', `${last}-${whole.length - 1}`].map(
        (range) => `Content-Type: application/octet-stream\r\nContent-Range: bytes ${range}/${whole.length}`,
      ),
    );
    for (const [k, [start, end]] of [
      [0, 8],
      [1000, 2000],
      [last, whole.length],
    ].entries()) {
      expect(same(parts[k].content, slice(start, end))).toBe(true);
    }
  });

  it('are omitted if they are outside of the file', async () => {
    const response = await get('/weights', { range: 'bytes=0-1,99999999999-' });
    expect(response.headers.get('content-range')).toBe(`bytes 0-1/${whole.length}`);
    await bytesOf(response);
  });

  it('are an attack if there are too many: the whole is sent instead', async () => {
    const range = `bytes=${Array.from({ length: 101 }, (_, k) => `${10 * k}-${10 * k + 1}`).join()}`;
    const response = await get('/weights', { range });
    expect(response.status).toBe(200);
    expect((await bytesOf(response)).length).toBe(whole.length);
  });
});

describe('a condition', () => {
  it('with if-none-match answers 304 if the client has the file', async () => {
    for (const tags of [etag, `"other", ${etag}`, '*', `W/${etag}`]) {
      const response = await get('/weights', { 'if-none-match': tags });
      expect(response.status, tags).toBe(304);
      expect(response.headers.get('etag')).toBe(etag);
      expect((await response.arrayBuffer()).byteLength).toBe(0);
    }
    const other = await get('/weights', { 'if-none-match': '"other"' });
    expect(other.status).toBe(200);
    await bytesOf(other);
  });

  it('with if-match answers 412 if the file has changed', async () => {
    const answer = await request(prediction).get('/weights').set('if-match', '"other"');
    expectProblem(answer, 412, { detail: `The weights' etag is ${etag}.` });
    const same = await get('/weights', { 'if-match': `"other", ${etag}` });
    expect(same.status).toBe(200);
    await bytesOf(same);
    // A weak tag matches nothing here (RFC 9110, section 13.1.1).
    expect((await get('/weights', { 'if-match': `W/${etag}` })).status).toBe(412);
  });

  it('with if-range sends the range if it holds, and otherwise the whole', async () => {
    const range = 'bytes=10-19';
    const same = await get('/weights', { range, 'if-range': etag });
    expect(same.status).toBe(206);
    expect(await bytesOf(same)).toEqual(slice(10, 20));
    for (const other of ['"other"', `W/${etag}`, 'Tue, 24 Nov 2026 10:00:00 GMT']) {
      const response = await get('/weights', { range, 'if-range': other });
      expect(response.status, other).toBe(200);
      expect((await bytesOf(response)).length).toBe(whole.length);
    }
  });

  it('holds for one representation: each has a separate etag', async () => {
    const queries = [
      '',
      '?dtype=F16',
      '?dtype=BF16',
      '?format=tiled',
      '?format=npz',
      '?tensors=classifier.*',
      '?tensors=features.*',
      '?rank=0&world_size=2',
      '?rank=1&world_size=2',
      '?rank=0&world_size=3',
      '?rank=0&world_size=2&dim=1',
      '?rank=0&world_size=2&sharding=chunk',
    ];
    const tags = new Set<string>();
    for (const query of queries) {
      const head = await fetch(`${prediction}/weights${query}`, { method: 'HEAD' });
      tags.add(head.headers.get('etag')!);
      expect(head.headers.get('etag')).toMatch(/^"/);
    }
    expect(tags.size).toBe(queries.length);
  });
});

describe('another representation', () => {
  it.each(['F16', 'BF16'] as const)('has the same values as %s', async (dtype) => {
    const other = await bytesOf(await get(`/weights?dtype=${dtype}`));
    const asked = await fetch(`${await predicted(service.url, { architecture, dtype })}/weights`);
    const file = parseSafetensors(other);
    const expected = parseSafetensors(await bytesOf(asked));
    expect(file.tensors.map(({ name, shape }) => ({ name, shape }))).toEqual(
      expected.tensors.map(({ name, shape }) => ({ name, shape })),
    );
    expect(file.tensors.every(({ bytes }, k) => same(bytes, expected.tensors[k].bytes))).toBe(true);
    expect(file.tensors.every((tensor) => tensor.dtype === dtype)).toBe(true);
  });

  it('tiled is small, and expands to the tensors', async () => {
    const bytes = await bytesOf(await get('/weights?format=tiled'));
    expect(bytes.length).toBeLessThan(whole.length / 4);
    const { metadata, tensors: blocks } = parseSafetensors(bytes);
    const shapes = JSON.parse(metadata.shapes) as Record<string, number[]>;
    expect(Object.keys(shapes)).toEqual([...tensors.keys()]);
    for (const { name, shape: blockShape, bytes: content } of blocks) {
      const block = new Float32Array(content.slice().buffer);
      const shape = shapes[name];
      const values = tensors.get(name)!;
      expect(values).toHaveLength(shape.reduce((product, size) => product * size, 1));
      expect(values.every((value, flat) => value === block[placeInBlock(flat, shape, blockShape)])).toBe(
        true,
      );
    }
  });

  it('npz is a zip that numpy reads', async () => {
    const bytes = await bytesOf(await get('/weights?format=npz'));
    const entries = await readZipEntries(new ReadyBytes(bytes));
    expect(entries.map(({ name }) => name)).toEqual([...tensors.keys()].map((name) => `${name}.npy`));
    for (const { name, dataStart, size } of entries) {
      const npy = Buffer.from(bytes.slice(dataStart, dataStart + size));
      const header = npy.toString('latin1', 10, 10 + npy.readUInt16LE(8));
      expect(npy.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00');
      expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \([\d, ]+\), \} *\n$/);
      const values = new Float32Array(new Uint8Array(npy.subarray(10 + header.length)).buffer);
      expect(same(values, tensors.get(name.replace('.npy', ''))!), name).toBe(true);
    }
  });

  it.each([
    ['?format=pickle', '/format'],
    ['?dtype=F64', '/dtype'],
    ['?format=npz&dtype=BF16', '/dtype'],
    ['?rank=0', '/world_size'],
    ['?world_size=2', '/rank'],
    ['?dim=1', '/dim'],
    ['?rank=2&world_size=2', '/rank'],
    ['?rank=-1&world_size=2', '/rank'],
    ['?rank=&world_size=2', '/rank'],
    ['?rank=%20&world_size=2', '/rank'],
    ['?rank=0x1&world_size=2', '/rank'],
    ['?rank=0&rank=1&world_size=2', '/rank'],
    ['?rank=0&world_size=1e1', '/world_size'],
    ['?rank=0&world_size=0', '/world_size'],
    ['?rank=0&world_size=2&dim=4', '/dim'],
    ['?rank=0&world_size=2&format=npz', '/format'],
    ['?rank=0&world_size=2&sharding=rows', '/sharding'],
    ['?rank=0&world_size=2&sharding=', '/sharding'],
    ['?sharding=chunk', '/sharding'],
    ['?tensors=a&format=tiled', '/format'],
    ['?tensors=', '/tensors'],
    ['?tensor=a', '/tensor'],
  ])('%s is 422', async (query, path) => {
    expectProblem(await request(prediction).get(`/weights${query}`), 422, { errors: [[path, /./]] });
  });

  it('tiled is 422 for post-processed weights', async () => {
    expectProblem(await request(processed).get('/weights?format=tiled'), 422, {
      errors: [['/format', /tiled/]],
    });
  });
});

function placeInBlock(flat: number, shape: readonly number[], blockShape: readonly number[]): number {
  let [rest, place, stride] = [flat, 0, 1];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place += ((rest % shape[axis]) % blockShape[axis]) * stride;
    rest = Math.floor(rest / shape[axis]);
    stride *= blockShape[axis];
  }
  return place;
}

describe('a part by names', () => {
  it.each([
    ['classifier.1.weight', (name: string) => name === 'classifier.1.weight'],
    ['classifier.*', (name: string) => name.startsWith('classifier.')],
    ['*.bias,features.0.weight', (name: string) => name.endsWith('.bias') || name === 'features.0.weight'],
    ['*squeeze*', (name: string) => name.includes('squeeze')],
    ['*', () => true],
  ])('%s has only those tensors', async (pattern, fits) => {
    const part = await tensorsOf(await get(`/weights?tensors=${encodeURIComponent(pattern)}`));
    const expected = [...tensors].filter(([name]) => fits(name));
    expect([...part.keys()]).toEqual(expected.map(([name]) => name));
    expect(expected.every(([name, values]) => same(part.get(name)!, values))).toBe(true);
  });

  it('that matches nothing is 404', async () => {
    expectProblem(await request(prediction).get('/weights?tensors=layer9.*'), 404, { detail: /layer9/ });
  });
});

describe('a part by rank', () => {
  const all = async (worldSize: number, dim: number, sharding: string) =>
    Promise.all(
      Array.from({ length: worldSize }, async (_, rank) => {
        const query = `rank=${rank}&world_size=${worldSize}&dim=${dim}${sharding}`;
        return parseSafetensors(await bytesOf(await get(`/weights?${query}`)));
      }),
    );
  const even = (rank: number, worldSize: number, size: number) => Math.floor((rank * size) / worldSize);
  const chunk = (rank: number, worldSize: number, size: number) =>
    Math.min(rank * Math.ceil(size / worldSize), size);

  it.each([
    [2, 0, '', even],
    [3, 0, '', even],
    [8, 0, '&sharding=even', even],
    [3, 1, '', even],
    [5, 2, '', even],
    [3, 0, '&sharding=chunk', chunk],
    [16, 0, '&sharding=chunk', chunk],
    [5, 1, '&sharding=chunk', chunk],
  ])(
    'of %i in dimension %i%s gives the tensors when all ranks are combined',
    async (worldSize, dim, sharding, startOf) => {
      const parts = await all(worldSize, dim, sharding);
      const shapes = new Map(parseSafetensors(whole).tensors.map(({ name, shape }) => [name, shape]));
      for (const [index, { name }] of parts[0].tensors.entries()) {
        const shape = shapes.get(name)!;
        const pieces = parts.map((part) => part.tensors[index]);
        const values = tensors.get(name)!;
        if (dim >= shape.length) {
          for (const piece of pieces) expect(piece.shape).toEqual(shape);
          continue;
        }
        const rows = pieces.map((piece) => piece.shape[dim]);
        const starts = rows.map((_, rank) => startOf(rank, worldSize, shape[dim]));
        expect(rows.map((count, rank) => starts[rank] + count)).toEqual([...starts.slice(1), shape[dim]]);
        const inner = shape.slice(dim + 1).reduce((product, size) => product * size, 1);
        const outer = shape.slice(0, dim).reduce((product, size) => product * size, 1);
        const joined = new Float32Array(values.length);
        for (const [rank, piece] of pieces.entries()) {
          const part = new Float32Array(piece.bytes.slice().buffer);
          for (let row = 0; row < outer; row++) {
            const length = rows[rank] * inner;
            joined.set(
              part.subarray(row * length, (row + 1) * length),
              row * shape[dim] * inner + starts[rank] * inner,
            );
          }
        }
        expect(same(joined, values), name).toBe(true);
      }
    },
  );

  it('of more ranks than rows is empty for some, and can be combined with names and a dtype', async () => {
    const query = '?tensors=classifier.1.*&rank=0&world_size=64&dtype=F16';
    const { tensors: part } = parseSafetensors(await bytesOf(await get(`/weights${query}`)));
    expect(part.map(({ name, dtype, shape, bytes }) => [name, dtype, shape, bytes.length])).toEqual([
      ['classifier.1.weight', 'F16', [0, 512, 1, 1], 0],
      ['classifier.1.bias', 'F16', [0], 0],
    ]);
  });
});

describe('GET /predictions/{id}/tensors/{name}', () => {
  it('is the tensor’s bytes, with its shape and dtype', async () => {
    for (const [name, values] of [...tensors].slice(0, 5)) {
      const response = await get(`/tensors/${name}`);
      const bytes = await bytesOf(response);
      expect(response.headers.get('x-tensor-dtype')).toBe('F32');
      const shape = JSON.parse(response.headers.get('x-tensor-shape')!) as number[];
      expect(shape.reduce((product, size) => product * size, 1)).toBe(values.length);
      expect(same(bytes, values), name).toBe(true);
    }
  });

  it('supports ranges, HEAD, etags and a dtype', async () => {
    const path = '/tensors/classifier.1.bias';
    const values = tensors.get('classifier.1.bias')!;
    const range = await get(path, { range: 'bytes=4-7' });
    expect(range.status).toBe(206);
    expect(new Float32Array((await bytesOf(range)).buffer)).toEqual(values.slice(1, 2));
    const head = await fetch(prediction + path, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(values.byteLength));
    const cached = await get(path, { 'if-none-match': head.headers.get('etag')! });
    expect(cached.status).toBe(304);
    const half = await get(`${path}?dtype=BF16`);
    expect(half.headers.get('x-tensor-dtype')).toBe('BF16');
    expect(half.headers.get('etag')).not.toBe(head.headers.get('etag'));
    expect((await bytesOf(half)).length).toBe(values.byteLength / 2);
  });

  it('finds names with slashes and spaces in them', async () => {
    const name = 'block/1 a%2F/ä.weight';
    const location = await predicted(service.url, {
      architecture: {
        name: 'odd',
        nodes: [
          { id: 'input', op: 'input' },
          { id: 'fc', op: 'conv', weight: { name, shape: [3, 2] } },
        ],
        edges: [['input', 'fc']],
      },
    });
    const [[, expected]] = await tensorsOf(await fetch(`${location}/weights`));
    for (const path of [encodeURIComponent(name), name.split('/').map(encodeURIComponent).join('/')]) {
      const bytes = await bytesOf(await fetch(`${location}/tensors/${path}`));
      expect(new Float32Array(bytes.buffer)).toEqual(expected);
    }
  });

  it('for an unknown name is 404', async () => {
    const answer = await request(prediction).get('/tensors/layer9.weight');
    expectProblem(answer, 404, { detail: 'the prediction has no tensor "layer9.weight"' });
  });
});

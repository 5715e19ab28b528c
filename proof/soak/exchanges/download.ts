import { createHash } from 'node:crypto';
import type { Exchange } from '../exchange.js';
import type { Known } from '../shelf.js';

/** Returns an earlier prediction, or makes one if there is none. */
export async function known(
  exchange: Exchange,
  fits: (known: Known) => boolean = () => true,
): Promise<Known> {
  const { random, world } = exchange;
  const found = world.shelf.pick(random, fits);
  if (found) return found;
  const request = world.requests.repeated(random);
  const { id, answer } = await exchange.predict(request);
  return { id, digest: answer.digest, request };
}

const weightsOf = ({ id }: Known) => `/predictions/${id}/weights`;

export async function downloadWhole(exchange: Exchange): Promise<void> {
  const prediction = await known(exchange);
  const answer = await exchange.fetch('GET weights', weightsOf(prediction));
  exchange.same(`the weights of ${prediction.request.key}`, answer.digest);
  const { etag } = answer.headers;
  exchange.expect(etag !== undefined, 'weights without an etag');
  const again = { 'if-none-match': etag! };
  await exchange.fetch('GET weights, not modified', weightsOf(prediction), again, 304);
}

/** Downloads pieces one after the other, as a resumed download does. */
export async function downloadResumed(exchange: Exchange): Promise<void> {
  const prediction = await known(exchange);
  const path = weightsOf(prediction);
  const head = await exchange.send('HEAD weights', { method: 'HEAD', path }, 200, 404);
  if (head.status === 404) return;
  const length = Number(head.headers['content-length']);
  const hash = createHash('sha256');
  for (let start = 0; start < length; ) {
    const end = Math.min(length, start + 1 + exchange.random.below(length));
    const piece = await exchange.fetch(
      'GET weights, a range',
      path,
      { range: `bytes=${start}-${end - 1}`, 'if-range': head.headers.etag! },
      206,
    );
    exchange.expect(piece.body.byteLength === end - start, 'a range of another length');
    hash.update(piece.body);
    start = end;
  }
  exchange.same(`the weights of ${prediction.request.key}`, `sha256:${hash.digest('hex')}`);
}

/** Downloads several ranges in one answer, and compares them with the whole. */
export async function downloadRanges(exchange: Exchange): Promise<void> {
  const prediction = await known(exchange, ({ request }) => !request.isLarge);
  const path = weightsOf(prediction);
  const { body: whole, headers } = await exchange.fetch('GET weights', path);
  const step = Math.floor(whole.byteLength / 4);
  const ranges = [0, 1, 2].map((index) => {
    const start = index * step + exchange.random.below(step - 1);
    return { start, end: start + 1 + exchange.random.below((index + 1) * step - start - 1) };
  });
  const range = `bytes=${ranges.map(({ start, end }) => `${start}-${end - 1}`).join(',')}`;
  const answer = await exchange.fetch(
    'GET weights, several ranges',
    path,
    { range, 'if-range': headers.etag! },
    206,
  );
  const parts = partsOf(answer.body, answer.headers['content-type'] ?? '');
  const expected = ranges.map(({ start, end }) => whole.subarray(start, end));
  exchange.expect(parts.length === expected.length, 'another number of ranges');
  exchange.same(
    `ranges ${range} of ${prediction.request.key}`,
    createHash('sha256').update(Buffer.concat(expected)).digest('hex'),
  );
  exchange.same(
    `ranges ${range} of ${prediction.request.key}`,
    createHash('sha256').update(Buffer.concat(parts)).digest('hex'),
  );
}

/**
 * Returns the bodies of multipart/byteranges. Each begins after an empty line and has the length in its content-range.
 */
function partsOf(body: Buffer, contentType: string): Buffer[] {
  const boundary = `--${/boundary=(\S+)/.exec(contentType)?.[1]}`;
  const parts: Buffer[] = [];
  for (let at = body.indexOf(boundary); at >= 0; ) {
    const start = body.indexOf('\r\n\r\n', at) + 4;
    const range = /content-range: bytes (\d+)-(\d+)/i.exec(body.toString('latin1', at, start));
    if (!range) break;
    const end = start + Number(range[2]) - Number(range[1]) + 1;
    parts.push(body.subarray(start, end));
    at = body.indexOf(boundary, end);
  }
  return parts;
}

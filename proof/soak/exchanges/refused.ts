import { BlamedError, type Exchange } from '../exchange.js';
import type { HttpRequest } from '../http-client.js';

/** Limit of the service under test: large enough for all architectures in the soak. */
export const MAX_BODY_BYTES = 2 ** 20;

const post = (body: string, headers: Record<string, string> = {}): HttpRequest => ({
  method: 'POST',
  path: '/predict',
  body,
  headers,
});
const get = (path: string, headers: Record<string, string> = {}): HttpRequest => ({
  method: 'GET',
  path,
  headers,
});

const predict = (body: unknown) => post(JSON.stringify(body));

/** A graph of two nodes with edges in both directions. */
const cycle = {
  name: 'cycle',
  nodes: [
    { id: 'input', op: 'input' },
    { id: 'a', op: 'sum' },
    { id: 'b', op: 'sum' },
  ],
  edges: [
    ['input', 'a'],
    ['a', 'b'],
    ['b', 'a'],
  ],
};

const NOBODY = '0123456789abcdef'.repeat(4);

/** Requests that must be refused, with the expected status. */
const REFUSED: readonly (readonly [string, number, HttpRequest])[] = [
  ['no JSON', 400, post('{"architecture": ')],
  ['an empty body', 400, post('')],
  ['a key of the prototype', 400, post('{"architecture": "resnet18", "__proto__": {}}')],
  ['another media type', 415, post('architecture: resnet18', { 'content-type': 'application/yaml' })],
  ['too large a body', 413, post(JSON.stringify({ architecture: 'x'.repeat(MAX_BODY_BYTES) }))],
  ['nothing', 422, predict({})],
  ['an unknown key', 422, predict({ architecture: 'resnet18', colour: 'blue' })],
  ['a cycle', 422, predict({ architecture: cycle })],
  [
    'an unknown layer',
    422,
    predict({ architecture: { name: 'x', layers: [{ name: 'a', type: 'Conv9d' }] } }),
  ],
  ['a Keras model that is none', 422, predict({ architecture: { keras: { class_name: 'Functional' } } })],
  ['BF16 as npz', 422, predict({ architecture: 'resnet18', dtype: 'BF16', format: 'npz' })],
  ['a negative seed', 422, predict({ architecture: 'resnet18', seed: -1 })],
  ['an unknown network', 404, predict({ architecture: 'resnet-18' })],
  ['an unknown GHN', 404, predict({ architecture: 'resnet18', ghn: 'nobody' })],
  ['an unknown prediction', 404, get(`/predictions/${NOBODY}`)],
  ['a path as an id', 404, get('/predictions/..%2f..%2fetc%2fpasswd/weights')],
  ['an unknown path', 404, get('/nowhere')],
  ['another method', 405, { method: 'PUT', path: '/predict' }],
  ['a list without bounds', 422, get('/predictions?limit=1000000')],
  ['a broken cursor', 422, get('/predictions?cursor=%00')],
];

/** Sends a request that must be refused with a problem that gives the reason. */
export async function badRequest(exchange: Exchange): Promise<void> {
  const [what, status, request] = exchange.random.pick(REFUSED);
  try {
    const { headers, body } = await exchange.send(`bad: ${status}`, request, status);
    const type = headers['content-type'] ?? '';
    exchange.expect(type.startsWith('application/problem+json'), `${what} is answered with ${type}`);
    const problem = JSON.parse(body.toString()) as { status: number; detail?: string };
    exchange.expect(problem.status === status && !!problem.detail, `${what}: the problem says nothing`);
    exchange.expect(status !== 405 || !!headers.allow, `${what}: no allow`);
    exchange.expect(!!headers['x-request-id'], `${what}: no x-request-id`);
  } catch (error) {
    // The service refuses before it has read everything, and the connection may end before the answer is read.
    const isCut = error instanceof BlamedError && /EPIPE|ECONNRESET/.test(error.message);
    if (status !== 413 || !isCut) throw error;
    exchange.world.ledger.excuse(exchange.kind, '413: the connection ended before the answer was read');
  }
}

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startService, type TestService } from '../helpers/service.js';
import { digestOf, getRecord, network, post } from './prediction.js';
import { FULL, GHN_CHECKPOINTS } from './proof.js';

const CLIENTS = 200;
const NETWORK = FULL ? 'resnet18-10' : 'squeezenet1_1-10';

let service: TestService;

beforeAll(async () => {
  service = await startService({ GHN_CHECKPOINTS });
});

afterAll(() => service.stop());

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

it(`${CLIENTS} clients with the same request at once get the same bytes from one computation`, async () => {
  const body = { architecture: network(NETWORK) };
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const response = await post(service.url, body);
      const { status, headers } = response;
      return {
        status,
        etag: headers.get('etag'),
        location: headers.get('location'),
        digest: await digestOf(response),
      };
    }),
  );
  const [first] = answers;
  expect(first.status).toBe(200);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(await metric('ghn_serve_computations_total')).toBe(1);
  expect(await metric('ghn_serve_cache_hits_total')).toBe(CLIENTS - 1);
  expect((await getRecord(`${service.url}${first.location}`)).digest).toBe(first.digest);
}, 300_000);

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseSource, readSourceEnvironment } from '../../../src/sources/index.js';
import { openStore } from '../../../src/store/open.js';
import { fakeS3 } from './fake-server.js';
import { CREDENTIALS, freePort, NO_SERVER, startS3 } from './server.js';

const STORE = 's3://models/ghn';
const SOURCE = 's3://models/ghn.safetensors';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** S3's code and message. */
  readonly error?: readonly [string, string];
  readonly body?: string;
}

/** A server that gives one answer to all that is asked. */
async function answering({ status, headers, error, body }: Answer): Promise<string> {
  const xml = error && `<Error><Code>${error[0]}</Code><Message>${error[1]}</Message></Error>`;
  return fakeS3((request, response) => {
    request.resume();
    response.writeHead(status, headers).end(request.method === 'HEAD' ? '' : (body ?? xml ?? ''));
  });
}

const openedAt = (endpoint: string, store = STORE) =>
  openStore(store, { endpoint, maxBytes: 1e9, onProblem: () => {} });

async function locatedAt(endpoint: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ghn-refusals-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return parseSource(SOURCE).source.locate({
    environment: readSourceEnvironment({ XDG_CACHE_HOME: folder, S3_ENDPOINT: endpoint }),
    signal: new AbortController().signal,
    onProgress: () => {},
    onNotice: () => {},
    retryDelays: [],
  });
}

const WEB_PAGE = '<!doctype html><html><br></html>';

describe('an S3 server that does not answer as asked is named, with the cause and the remedy,', () => {
  it.each<[string, Answer, RegExp]>([
    [
      'if it redirects',
      { status: 307, headers: { location: 'https://other.example/' } },
      /redirects requests for the bucket "models" to https:\/\/other\.example\/: set S3_ENDPOINT .* and AWS_REGION/,
    ],
    [
      'if the bucket is in another region',
      {
        status: 301,
        headers: { 'x-amz-bucket-region': 'eu-west-1' },
        error: ['PermanentRedirect', 'The bucket must be addressed using the specified endpoint.'],
      },
      /is in the region eu-west-1, not in us-east-1: set AWS_REGION to eu-west-1, and S3_ENDPOINT/,
    ],
    [
      'if it denies access',
      { status: 403 },
      /denies access .*: allow these credentials to use it.*\(HTTP 403\)$/,
    ],
    ['if it lacks what is needed', { status: 405 }, /refuses the request: set S3_ENDPOINT .*\(HTTP 405\)$/],
    ['if it fails', { status: 503 }, /fails.*: try again later \(HTTP 503\)$/],
    ['if it is a web server', { status: 200, body: WEB_PAGE }, /something other than S3: set S3_ENDPOINT/],
  ])('%s', async (_, answer, message) => {
    const endpoint = await answering(answer);
    for (const [place, asked] of [
      [`STORE ${STORE}: `, openedAt],
      [`${SOURCE}: `, locatedAt],
    ] as const) {
      const answered = asked(endpoint);
      await expect(answered).rejects.toThrow(message);
      await expect(answered).rejects.toThrow(place);
      await expect(answered).rejects.toThrow(endpoint);
    }
  });

  it.each<[string, Answer, RegExp]>([
    [
      'if the signature has another region',
      { status: 400, error: ['AuthorizationHeaderMalformed', "'us-east-1' is wrong; expecting 'eu-west-1'"] },
      /set AWS_REGION to eu-west-1/,
    ],
    [
      'if the clocks differ',
      { status: 403, error: ['RequestTimeTooSkewed', 'The difference is too large.'] },
      /the clocks of this machine and of .* differ .*: set this machine's clock by NTP/,
    ],
    [
      'if it has a page for what it lacks',
      { status: 404, body: WEB_PAGE },
      /something other than S3, such as a web page: set/,
    ],
    [
      'if a proxy denies access',
      { status: 403, body: WEB_PAGE },
      /something other than S3, such as a web page/,
    ],
  ])('%s, when a store is opened', async (_, answer, message) => {
    await expect(openedAt(await answering(answer))).rejects.toThrow(message);
  });

  it('if it does not run', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const message = `${endpoint} cannot be reached (ECONNREFUSED): check S3_ENDPOINT, and that the server runs`;
    await expect(openedAt(endpoint)).rejects.toThrow(message);
    await expect(locatedAt(endpoint)).rejects.toThrow(message);
  });

  it.skipIf(NO_SERVER)(`if it is a real one${NO_SERVER ? ` (${NO_SERVER})` : ''}`, async () => {
    const server = await startS3();
    onTestFinished(() => server.stop());
    await expect(openedAt(server.endpoint)).rejects.toThrow(/there is no bucket "models" on .*: create it/);
    process.env.AWS_SECRET_ACCESS_KEY = 'another';
    onTestFinished(() => void Object.assign(process.env, CREDENTIALS));
    await expect(openedAt(server.endpoint, 's3://predictions/x')).rejects.toThrow(
      /does not accept the credentials: SignatureDoesNotMatch, .*: check AWS_ACCESS_KEY_ID/,
    );
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { buildService, type Service } from '../../../src/service.js';
import { readSettings } from '../../../src/settings/settings.js';
import { VERSION } from '../../../src/version.js';
import { exchange, type RawResponse } from '../inputs/raw-http.js';
import type { Outcome } from './target.js';

const CHECKPOINT = fileURLToPath(new URL('../../../test/fixtures/checkpoints/ghn3-nano.pt', import.meta.url));

/** A whole service behind a socket. Every answer is checked. */
export interface FuzzedService {
  send(request: Uint8Array): Promise<RawResponse>;
  /** Sends a request that is marked as the last of its connection. */
  request(method: string, target: string, headers?: string, body?: Buffer): Promise<RawResponse>;
  close(): Promise<void>;
}

export async function startFuzzedService(): Promise<FuzzedService> {
  const store = await mkdtemp(join(tmpdir(), 'ghn-fuzz-store-'));
  const environment = {
    PORT: '0',
    STORE: store,
    GHN_CHECKPOINTS: CHECKPOINT,
    // Limits the size of networks in valid requests.
    MAX_PARAMETERS: '50000',
    // A busy machine delays the event loop too, and a refusal for that reason is not a finding.
    MAX_EVENT_LOOP_DELAY_MS: '0',
  };
  const service: Service = await buildService({
    settings: readSettings(environment),
    logger: pino({ level: 'silent' }),
    version: VERSION,
  });
  const [url] = await Promise.all([service.start(), service.ready]);
  const port = Number(new URL(url).port);
  const { restarts } = service.predictor;
  const send = async (bytes: Uint8Array) => {
    const response = await exchange(port, bytes);
    check(response);
    if (service.predictor.restarts !== restarts) throw new Error('the engine had to be started again');
    return response;
  };
  return {
    send,
    request: (method, target, headers = '', body = Buffer.alloc(0)) => {
      const length = body.length > 0 ? `content-length: ${body.length}\r\n` : '';
      const head = `${method} ${target} HTTP/1.1\r\nhost: fuzz\r\nconnection: close\r\n${length}${headers}\r\n`;
      return send(Buffer.concat([Buffer.from(head, 'latin1'), body]));
    },
    async close() {
      await service.stop();
      await rm(store, { recursive: true, force: true });
    },
  };
}

/** Checks that the answer is not a server error, and that every refusal is a problem that describes the fault. */
function check({ status, headers, body }: RawResponse): void {
  if (!(status >= 200 && status < 500)) throw new Error(`${status}: ${body.toString().slice(0, 500)}`);
  const length = headers.get('content-length');
  if (length !== undefined && status !== 304 && body.length > 0 && Number(length) !== body.length) {
    throw new Error(`${status}: ${body.length} bytes where ${length} were announced`);
  }
  if (status < 400) return;
  if (body.length === 0) return;
  if (!headers.has('x-request-id')) {
    // Bytes that Node's parser cannot read never become a request.
    if (status === 400 || status === 431 || status === 408 || status === 417) return;
    throw new Error(`${status} without x-request-id`);
  }
  if (!headers.get('content-type')?.startsWith('application/problem+json'))
    throw new Error(`${status} that is no problem`);
  const problem = JSON.parse(body.toString()) as {
    status: number;
    detail?: string;
    errors?: { path: string }[];
  };
  if (problem.status !== status || !problem.detail)
    throw new Error(`${status} with ${body.toString().slice(0, 500)}`);
  if (status === 422 && !problem.errors?.length) throw new Error('422 without errors');
}

export const outcomeOf = ({ status }: RawResponse): Outcome => (status < 400 ? 'accepted' : 'refused');

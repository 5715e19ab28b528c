import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

/** Time of silence after which a client considers the service stuck. */
const SILENCE_MS = 120_000;

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** Digest of the body, in the form of a record. */
  readonly digest: string;
  readonly milliseconds: number;
}

/** An answer began and did not end. There is no excuse for this. */
export class CutShortError extends Error {}

/** There was no answer within a time that is sufficient for every request. */
export class SilenceError extends Error {}

/** Keeps connections to the service open for further requests, as HTTP clients do. */
export class HttpClient {
  readonly url: string;
  readonly #agent = new http.Agent({ keepAlive: true });

  constructor(url: string) {
    this.url = url;
  }

  /** @throws CutShortError, SilenceError, and Node's error if there is no connection */
  async send(request: HttpRequest): Promise<Answer> {
    const start = performance.now();
    const outgoing = this.#begin(request);
    const [response] = (await once(outgoing, 'response')) as [http.IncomingMessage];
    const hash = createHash('sha256');
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        hash.update(chunk);
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof SilenceError) throw error;
      throw new CutShortError((error as Error).message, { cause: error });
    }
    return {
      status: response.statusCode!,
      headers: response.headers,
      body: Buffer.concat(chunks),
      digest: `sha256:${hash.digest('hex')}`,
      milliseconds: performance.now() - start,
    };
  }

  /** Starts a request and disconnects after a time or a number of body bytes, whichever comes first. */
  async hangUp(request: HttpRequest, milliseconds: number, bytes: number): Promise<void> {
    const outgoing = this.#begin(request);
    const timer = setTimeout(() => outgoing.destroy(), milliseconds);
    outgoing.on('response', (response) => {
      let received = 0;
      response.on('data', (chunk: Buffer) => {
        received += chunk.byteLength;
        if (received >= bytes) outgoing.destroy();
      });
      response.on('error', () => {});
    });
    // Any error is caused by its own disconnection.
    outgoing.on('error', () => {});
    await new Promise((resolve) => outgoing.once('close', resolve));
    clearTimeout(timer);
  }

  /** Closes all connections. */
  close(): void {
    this.#agent.destroy();
  }

  #begin({ method, path, headers, body }: HttpRequest): http.ClientRequest {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = http.request(`${this.url}${path}`, {
      method,
      headers: { ...type, ...headers },
      agent: this.#agent,
      timeout: SILENCE_MS,
    });
    outgoing.once('timeout', () =>
      outgoing.destroy(new SilenceError(`silent for ${SILENCE_MS / 1000} seconds`)),
    );
    outgoing.end(body);
    return outgoing;
  }
}

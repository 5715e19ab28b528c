import { EventSourceParserStream } from 'eventsource-parser/stream';
import createApi, { type Client } from 'openapi-fetch';
import type { paths } from './api.js';
import { type ProblemError, problemOf } from './problem.js';
import { readSafetensors, type SafetensorsFile } from './safetensors.js';
import type { PredictionEvent, PredictionRecord, PredictionResult, PredictRequest, Stage } from './types.js';

export interface ClientOptions {
  /** Address of the service, with its path prefix if it has one: `http://127.0.0.1:3000`. */
  readonly baseUrl: string;
  /** An API key, or a function that returns it if it can change. */
  readonly key?: string | (() => string | null);
  /** A replacement for `globalThis.fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface PredictedWeights {
  /** The prediction's id. */
  readonly id: string;
  /** The body in the requested format. */
  readonly bytes: Uint8Array;
  readonly etag: string;
}

export interface FollowOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: PredictionEvent) => void;
}

/** Delays, in milliseconds, before a broken stream is opened again. After the last, the error is thrown. */
const RECONNECT_DELAYS_MS = [250, 1000, 4000];

/** A stream or a connection broke. The prediction itself continues. */
class StreamBrokenError extends Error {}

/** A ghn-serve service. Every method throws a ProblemError if the service answers with an error. */
export class GhnServeClient {
  /**
   * Every operation of the OpenAPI document, with types. The methods below are for tasks that take more than one call.
   */
  readonly api: Client<paths>;
  readonly #baseUrl: string;
  readonly #key: () => string | null;
  readonly #fetch: typeof globalThis.fetch;

  constructor({ baseUrl, key, fetch = globalThis.fetch.bind(globalThis) }: ClientOptions) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#key = typeof key === 'function' ? key : () => key ?? null;
    this.#fetch = fetch;
    this.api = createApi<paths>({ baseUrl: this.#baseUrl, fetch });
    this.api.use({
      onRequest: ({ request }) => {
        for (const [name, value] of Object.entries(this.#authorization())) request.headers.set(name, value);
        return request;
      },
    });
  }

  /**
   * Predicts and downloads the weights. Aborting the signal cancels the prediction, unless another client waits for it.
   */
  async predict(
    request: PredictRequest,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<PredictedWeights> {
    const response = await this.request('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal,
    });
    const location = response.headers.get('location') ?? '';
    return {
      id: location.slice(location.lastIndexOf('/') + 1),
      etag: response.headers.get('etag') ?? '',
      bytes: new Uint8Array(await response.arrayBuffer()),
    };
  }

  /**
   * Makes up to 256 predictions by one request. Returns a result for each once all are made: its record, whose id gives
   * access to the weights, or its problem.
   */
  async predictMany(
    requests: readonly PredictRequest[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<PredictionResult[]> {
    const response = await this.request('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(requests),
      signal,
    });
    return ((await response.json()) as { results: PredictionResult[] }).results;
  }

  /** Starts or finds a prediction, and returns its record at once. */
  async begin(request: PredictRequest, { signal }: { signal?: AbortSignal } = {}): Promise<PredictionRecord> {
    const response = await this.request('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'respond-async' },
      body: JSON.stringify(request),
      signal,
    });
    return (await response.json()) as PredictionRecord;
  }

  /**
   * Waits until a prediction has succeeded, failed or been cancelled, by its server-sent events.
   *
   * @returns the last record
   */
  async wait(id: string, { signal, onEvent }: FollowOptions = {}): Promise<PredictionRecord> {
    for (let attempt = 0; ; attempt++) {
      try {
        for await (const event of this.#events(id, signal)) {
          attempt = 0;
          onEvent?.(event);
          if (event.type === 'record' && isOver(event.record)) return event.record;
        }
        throw new StreamBrokenError(`the events of prediction ${id} ended before it did`);
      } catch (error) {
        const isBroken = error instanceof StreamBrokenError || error instanceof TypeError;
        if (signal?.aborted || !isBroken || attempt >= RECONNECT_DELAYS_MS.length) throw error;
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_DELAYS_MS[attempt]));
      }
    }
  }

  /** Downloads a prediction's weights as safetensors: all of them, or those whose names match patterns (`layer1.*`). */
  async weights(
    id: string,
    {
      tensors,
      tiled = false,
      signal,
    }: { tensors?: readonly string[]; tiled?: boolean; signal?: AbortSignal } = {},
  ): Promise<SafetensorsFile> {
    const query = new URLSearchParams();
    if (tiled) query.set('format', 'tiled');
    else query.set('format', 'safetensors');
    if (tensors) query.set('tensors', tensors.join(','));
    const response = await this.request(`/predictions/${id}/weights?${query}`, { signal });
    return readSafetensors(new Uint8Array(await response.arrayBuffer()));
  }

  /** Downloads values `start` to `end` - 1 of one tensor, row-major, without the rest of the tensor. */
  async tensorValues(
    id: string,
    name: string,
    start: number,
    end: number,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Float32Array> {
    if (end <= start) return new Float32Array(0);
    const response = await this.request(`/predictions/${id}/tensors/${encodeURIComponent(name)}?dtype=F32`, {
      headers: { range: `bytes=${4 * start}-${4 * end - 1}` },
      signal,
    });
    return new Float32Array(await response.arrayBuffer());
  }

  /** Sends any request to a path of the service, with the key. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await this.#fetch(`${this.#baseUrl}${path}`, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), ...this.#authorization() },
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async *#events(id: string, signal?: AbortSignal): AsyncGenerator<PredictionEvent> {
    const response = await this.request(`/predictions/${id}/events`, { signal });
    const messages = response
      .body!.pipeThrough(
        new TextDecoderStream() as unknown as TransformStream<Uint8Array<ArrayBuffer>, string>,
      )
      .pipeThrough(new EventSourceParserStream());
    const reader = messages.getReader();
    let last: PredictionRecord | null = null;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const data = JSON.parse(value.data) as Partial<PredictionRecord> & { stage?: Stage };
        if (value.event === 'stage') yield { type: 'stage', stage: data.stage! };
        else {
          // Later messages hold only what has changed since the first.
          last = { ...last, ...data } as PredictionRecord;
          yield { type: 'record', record: last };
        }
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  #authorization(): Record<string, string> {
    const key = this.#key();
    return key ? { authorization: `Bearer ${key}` } : {};
  }
}

/** Returns the data of an openapi-fetch answer. @throws ProblemError if it is an error */
export async function dataOf<Data>(
  answer: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const { data, error, response } = await answer;
  if (!response.ok) throw (await problemOf(response, error)) satisfies ProblemError;
  return data as Data;
}

const isOver = ({ status }: PredictionRecord): boolean => status !== 'queued' && status !== 'running';

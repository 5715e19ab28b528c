import type { PredictionView } from '../../src/routes/predictions/view.js';
import { parseSafetensors } from '../format/files.js';

/** POSTs a request as JSON. */
export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/predict`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
  });
}

/** Returns an answer's body. Throws if the request failed. */
export async function bytesOf(response: Response): Promise<Uint8Array> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Returns the tensors of an F32 safetensors answer by name. */
export async function tensorsOf(response: Response): Promise<ReadonlyMap<string, Float32Array>> {
  const { tensors } = parseSafetensors(await bytesOf(response));
  return new Map(tensors.map(({ name, bytes }) => [name, new Float32Array(bytes.slice().buffer)]));
}

/** Sends a GET and returns the JSON, whatever the status is. */
export async function json<T>(url: string, init?: RequestInit): Promise<T> {
  return (await (await fetch(url, init)).json()) as T;
}

/** Requests a prediction and waits for all of it. Returns its address. */
export async function predicted(url: string, body: unknown): Promise<string> {
  const response = await post(url, body);
  await bytesOf(response);
  return `${url}${response.headers.get('location')}`;
}

/** Starts a prediction and does not wait for it. */
export async function begin(url: string, body: unknown): Promise<PredictionView> {
  const response = await post(url, body, { headers: { prefer: 'respond-async' } });
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()) as PredictionView;
}

/** Returns the current value of a metric; 0 if it has none yet. `labels` are in Prometheus' form. */
export async function metric(url: string, name: string, labels = ''): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const series = labels ? `${name}{${labels}}` : name;
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line ? Number(line.slice(series.length + 1)) : 0;
}

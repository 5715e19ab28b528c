import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { GhnServeClient, ProblemError } from '../../../clients/typescript/src/index.js';

const KEY = 'ghn-serve key';

/** The API key that was entered. It is kept while the tab is open. */
const key = signal<string | null>(sessionStorage.getItem(KEY));

/** True if the service needs a key that it was not given. */
export const isKeyNeeded = signal(false);

/** Number of keys entered so far. Views reload when it changes. */
export const keyVersion = signal(0);

export function enterKey(value: string): void {
  sessionStorage.setItem(KEY, value);
  key.value = value;
  isKeyNeeded.value = false;
  keyVersion.value++;
}

/** Address of the service: that of the page, with any prefix. */
export const SERVICE_URL = new URL('.', document.baseURI).href.replace(/\/$/, '');

export const client = new GhnServeClient({ baseUrl: SERVICE_URL, key: () => key.value });

/** Describes an error for people. */
export function explain(error: unknown): string {
  if (error instanceof ProblemError) {
    if (error.status === 401) return 'The service needs a key.';
    const wait = error.retryAfter === null ? '' : ` Try again in ${error.retryAfter} s.`;
    return `${withFullStop(error.message)}${wait}`;
  }
  if (error instanceof TypeError)
    return 'The service does not answer. Is it running, and can this browser reach it?';
  return error instanceof Error ? error.message : String(error);
}

const withFullStop = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Records that a key is needed, if the error says so. */
export function noteError(error: unknown): void {
  if (error instanceof ProblemError && error.status === 401) isKeyNeeded.value = true;
}

export interface Loaded<Data> {
  readonly data: Data | null;
  readonly error: unknown;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/**
 * Loads data when the view appears and whenever `inputs` change. The previous data stays until the new data has
 * arrived.
 */
export function useLoaded<Data>(
  load: (signal: AbortSignal) => Promise<Data>,
  inputs: readonly unknown[],
): Loaded<Data> {
  const [state, setState] = useState<{ data: Data | null; error: unknown; isLoading: boolean }>({
    data: null,
    error: null,
    isLoading: true,
  });
  const [reloads, setReloads] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setState(({ data }) => ({ data, error: null, isLoading: true }));
    load(controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ data, error: null, isLoading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        noteError(error);
        setState({ data: null, error, isLoading: false });
      },
    );
    return () => controller.abort();
  }, [...inputs, reloads, keyVersion.value]);
  return { ...state, reload: () => setReloads((count) => count + 1) };
}

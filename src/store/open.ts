import { DirectoryStore } from './directory/directory-store.js';
import { isBucket, parseLocation } from './location.js';
import type { PredictionStore } from './store.js';

export interface OpenOptions {
  /** An S3 server other than AWS. */
  readonly endpoint?: string;
  /** The same server as clients see it. */
  readonly publicEndpoint?: string;
  readonly maxBytes: number;
  /** Is told what was found corrupt and removed, and what could not be removed. */
  readonly onProblem: (problem: Error) => void;
  /** Is told how long each request to a bucket has taken. */
  readonly onRequest?: (operation: string, seconds: number, isAnswered: boolean) => void;
}

/**
 * The store at a directory or `s3://bucket/prefix`.
 *
 * @throws StoreRefusedError where it cannot be one; Error where it is out of reach
 */
export async function openStore(
  location: string,
  { endpoint, publicEndpoint, ...options }: OpenOptions,
): Promise<PredictionStore> {
  const store = isBucket(location)
    ? await openBucket(location, { endpoint, publicEndpoint }, options)
    : await DirectoryStore.open(location, options);
  try {
    await store.probe();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openBucket(
  location: string,
  endpoints: Pick<OpenOptions, 'endpoint' | 'publicEndpoint'>,
  options: Omit<OpenOptions, 'endpoint' | 'publicEndpoint'>,
): Promise<PredictionStore> {
  // The SDK takes a tenth of a second to load, and a directory has no use for it.
  const { S3Store } = await import('./s3/s3-store.js');
  return S3Store.open({ ...parseLocation(location)!, ...endpoints }, options);
}

import { DirectoryStore } from './directory/directory-store.js';
import { isBucket, parseLocation } from './location.js';
import { BucketAwayError } from './s3/refusals.js';
import { type PredictionStore, StoreRefusedError } from './store.js';

export interface OpenOptions {
  /** Address of an S3 server other than AWS. */
  readonly endpoint?: string;
  /** Address of the same server for clients. */
  readonly publicEndpoint?: string;
  readonly maxBytes: number;
  /** Called for each prediction that was found corrupt and removed, and for each that could not be removed. */
  readonly onProblem: (problem: Error) => void;
  /** Called with the seconds that each request to a bucket took. */
  readonly onRequest?: (operation: string, seconds: number, isAnswered: boolean) => void;
}

/**
 * Opens the store in a directory or at `s3://bucket/prefix`.
 *
 * @throws StoreRefusedError if the place cannot be a store; Error if it cannot be reached
 */
export async function openStore(
  location: string,
  { endpoint, publicEndpoint, ...options }: OpenOptions,
): Promise<PredictionStore> {
  if (isBucket(location)) return openBucket(location, { endpoint, publicEndpoint }, options);
  return probed(await DirectoryStore.open(location, options));
}

async function probed<Store extends PredictionStore>(store: Store): Promise<Store> {
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
  // Imported here, since the SDK takes a tenth of a second to load and directories do not need it.
  const { S3Store } = await import('./s3/s3-store.js');
  try {
    return await probed(await S3Store.open({ ...parseLocation(location)!, ...endpoints }, options));
  } catch (error) {
    throw atStart(location, error as Error);
  }
}

/** Names the store, since the operator who starts the service reads it. */
function atStart(location: string, error: Error): Error {
  const message = error instanceof BucketAwayError ? error.detail : error.message;
  const named = `STORE ${location}: ${message}`;
  return error instanceof StoreRefusedError
    ? new StoreRefusedError(named, { cause: error })
    : new Error(named, { cause: error });
}

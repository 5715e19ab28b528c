import type { SourceEnvironment } from './environment.js';

/**
 * A checkpoint could not be fetched from its source. The message names the source, the answer that came instead and the
 * remedy.
 */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** Progress of a download. */
export interface Progress {
  /** The source as messages show it. */
  readonly source: string;
  readonly receivedBytes: number;
  /** Null if the server does not give it. */
  readonly totalBytes: number | null;
}

/** Settings and callbacks of a download. */
export interface Fetching {
  readonly environment: SourceEnvironment;
  readonly signal: AbortSignal;
  /** Called for every piece that arrives. */
  readonly onProgress: (progress: Progress) => void;
  /** Called with messages that are useful but not problems. */
  readonly onNotice: (message: string) => void;
  /**
   * Delays before each further try after a connection has failed, in milliseconds. After this many tries without a
   * byte, the download is given up.
   */
  readonly retryDelays?: readonly number[];
}

/** The location of a checkpoint. */
export interface Source {
  /** The location for messages and logs, without passwords and signatures. */
  readonly text: string;
  /** Default id of a GHN from this source. */
  readonly id: string;
  /**
   * Returns the path of the file, which is downloaded first if it is not on this machine.
   *
   * @throws SourceError; the signal's reason once it is aborted
   */
  locate(fetching: Fetching): Promise<string>;
}

/** A kind of source. */
export interface SourceKind {
  /** The form of its addresses, for messages. */
  readonly form: string;
  /** True if an address may contain a query, as a URL does. */
  readonly hasQuery: boolean;
  /**
   * Returns null if the text is of another kind.
   *
   * @throws SourceError if it is of this kind but malformed
   */
  parse(text: string): Source | null;
}

/** An entry of the setting GHN_CHECKPOINTS. */
export interface CheckpointSetting {
  /** The name of the GHN in requests. */
  readonly id: string;
  readonly source: Source;
  /** Settings of the GHN that are not in its file. */
  readonly options?: Readonly<Record<string, string>>;
}

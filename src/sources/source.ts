import type { SourceEnvironment } from './environment.js';

/**
 * A checkpoint could not be fetched from its source. The message names the source, what came in its place and the
 * remedy.
 */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** How far a file has come. */
export interface Progress {
  /** The source as messages show it. */
  readonly source: string;
  readonly receivedBytes: number;
  /** Null where the server does not say. */
  readonly totalBytes: number | null;
}

/** What fetching goes by, and whom it tells. */
export interface Fetching {
  readonly environment: SourceEnvironment;
  readonly signal: AbortSignal;
  /** Called for every piece that comes. */
  readonly onProgress: (progress: Progress) => void;
  /** What a person should know, though nothing is wrong. */
  readonly onNotice: (message: string) => void;
  /** Milliseconds before each further try where a connection breaks; as many tries without a byte, and it is given up. */
  readonly retryDelays?: readonly number[];
}

/** Where a checkpoint is. */
export interface Source {
  /** As messages and logs show it: without passwords and signatures. */
  readonly text: string;
  /** Default id of a GHN from this source. */
  readonly id: string;
  /**
   * The file, fetched first where it is not on this machine.
   *
   * @returns its path
   * @throws SourceError; the signal's reason once that is aborted
   */
  locate(fetching: Fetching): Promise<string>;
}

/** A kind of source. */
export interface SourceKind {
  /** How it is written, for messages. */
  readonly form: string;
  /** Whether what is behind its last `?` can be part of it, as of a URL. */
  readonly hasQuery: boolean;
  /**
   * Null where the text is of another kind.
   *
   * @throws SourceError where it is of this kind and badly written
   */
  parse(text: string): Source | null;
}

/** An entry of the setting GHN_CHECKPOINTS. */
export interface CheckpointSetting {
  /** The name of the GHN in requests. */
  readonly id: string;
  readonly source: Source;
  /** Settings of the GHN that its file does not tell. */
  readonly options?: Readonly<Record<string, string>>;
}

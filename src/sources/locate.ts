import type { CheckpointFile } from '../predictor/protocol.js';
import { readSourceEnvironment } from './environment.js';
import type { CheckpointSetting, Fetching, Progress, Source } from './source.js';

/** Time between two log lines about the same file. */
const PROGRESS_MS = 3000;

const MB = 1e6;

export interface FetchLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Formats progress as "12 of 28 MB". */
export function shownProgress({ receivedBytes, totalBytes }: Progress): string {
  const received = (receivedBytes / MB).toFixed(1);
  return totalBytes === null ? `${received} MB` : `${received} of ${(totalBytes / MB).toFixed(1)} MB`;
}

/** Logs a download: at its beginning, every few seconds, and at its end. */
export function logProgress(log: Pick<FetchLog, 'info'>): (progress: Progress) => void {
  let source: string | null = null;
  let next = 0;
  return (progress) => {
    const now = performance.now();
    const isDone = progress.receivedBytes === progress.totalBytes;
    if (source === progress.source && now < next && !isDone) return;
    source = progress.source;
    next = now + PROGRESS_MS;
    log.info({ ...progress }, `fetching ${progress.source}: ${shownProgress(progress)}`);
  };
}

/**
 * Returns the files of the checkpoints. Those that are not on this machine are downloaded first.
 *
 * @throws SourceError; the signal's reason once it is aborted
 */
export async function locateCheckpoints(
  settings: readonly CheckpointSetting[],
  fetching: Pick<Fetching, 'environment' | 'signal'>,
  log: FetchLog,
): Promise<CheckpointFile[]> {
  const files: CheckpointFile[] = [];
  // Downloaded one after the other: in parallel they would not be faster.
  for (const { id, source, options } of settings) {
    const path = await source.locate({
      ...fetching,
      onProgress: logProgress(log),
      onNotice: (message) => log.warn({ source: source.text }, message),
    });
    files.push({ id, path, ...(options && { options }) });
  }
  return files;
}

/**
 * Returns the file of a source, for a person at a terminal: the progress is shown on standard error.
 *
 * @throws SourceError
 */
export function locateForCommand(source: Source): Promise<string> {
  const tell = (message: string) => process.stderr.write(`${message}\n`);
  return source.locate({
    environment: readSourceEnvironment(process.env),
    signal: new AbortController().signal,
    onProgress: logProgress({ info: (_, message) => tell(message) }),
    onNotice: tell,
  });
}

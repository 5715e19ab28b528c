import { ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Channel, type OnMessage } from './channel.js';
import { childEnvironment } from './environment.js';
import { CHANNEL_FD } from './parent.js';

/** A process of the service's own, and the way to talk to it. */
export interface Child<Incoming, Outgoing> {
  readonly process: ChildProcess;
  readonly channel: Channel<Incoming, Outgoing>;
}

/** The exit code of a process that never was, as Node has it for one: negative, unlike any that a process can have. */
const NEVER_STARTED = -1;

/**
 * Starts a process that runs a module which calls `connectToService`. Throws nothing: who starts a process again does so
 * from a timer, and where file descriptors or memory run out it may succeed later.
 *
 * @param entry the module under its built name: with tsx the sources run as they are, and so does their `.ts` under it
 * @param onEnd is called with the outcome, as the end of a sentence that begins with "the process": it could not be started, or ended. Once, and
 * after this has returned.
 * @param options Node's, beside those that this process was started with
 */
export function startChild<Incoming, Outgoing>(
  entry: URL,
  onMessage: OnMessage<Incoming>,
  onEnd: (reason: string) => void,
  options: readonly string[] = [],
): Child<Incoming, Outgoing> {
  const child = spawnOrFail(entry, options);
  keepFromOutliving(child);
  let isOver = false;
  const end = (reason: string) => {
    if (!isOver) onEnd(reason);
    isOver = true;
  };
  child.once('exit', (code, signal) => end(`ended (${signal ?? `exit code ${code}`})`));
  // Every error: one that nobody listens to ends the service.
  child.on('error', ({ message }) => end(`cannot be started: ${message}`));
  // Without descriptors for its pipes Node makes none of the streams, whatever the types say.
  const socket: Duplex | null | undefined = child.stdio?.[CHANNEL_FD] as Duplex | null | undefined;
  return { process: child, channel: new Channel<Incoming, Outgoing>(socket ?? nowhere(), onMessage) };
}

const children = new Set<ChildProcess>();

/** A process that hangs does not see that the service has ended: whichever way that comes about, it is ended with it. */
function keepFromOutliving(child: ChildProcess): void {
  if (children.size === 0) process.on('exit', endAll);
  children.add(child);
  const forget = () => {
    children.delete(child);
    if (children.size === 0) process.off('exit', endAll);
  };
  child.once('exit', forget).once('error', () => {
    if (child.pid === undefined) forget();
  });
}

function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** Node throws some errors of a spawn and emits others as `error` events; here all are emitted. */
function spawnOrFail(entry: URL, options: readonly string[]): ChildProcess {
  try {
    return spawn(process.execPath, [...process.execArgv, ...options, fileURLToPath(entry)], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: childEnvironment(process.env),
    });
  } catch (error) {
    const child = Object.assign(new ChildProcess(), { exitCode: NEVER_STARTED });
    process.nextTick(() => child.emit('error', error));
    return child;
  }
}

/** In the place of a socket to a process that never was. */
const nowhere = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });

/**
 * How long an ended process may take to be gone: one that waits within the kernel, for a device or a network's file
 * system, goes when that answers, if ever.
 */
const GONE_MS = 5000;

/** Ends a process that runs, whatever it does, and waits until it is gone, or cannot be waited for. */
export async function endChild(child: ChildProcess): Promise<void> {
  // One that could not be started, or has ended, does not end again.
  if (!child.pid || child.exitCode !== null || child.signalCode !== null) return;
  let timer: NodeJS.Timeout | undefined;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    timer = setTimeout(resolve, GONE_MS);
  });
  child.kill('SIGKILL');
  await gone;
  clearTimeout(timer);
}

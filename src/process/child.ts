import { ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Channel, type OnMessage } from './channel.js';
import { childEnvironment } from './environment.js';
import { CHANNEL_FD } from './parent.js';

/** A child process of the service, and the channel to it. */
export interface Child<Incoming, Outgoing> {
  readonly process: ChildProcess;
  readonly channel: Channel<Incoming, Outgoing>;
}

/** The exit code that Node gives a process that could not be started: negative, unlike that of any real process. */
const NEVER_STARTED = -1;

/**
 * Starts a process that runs a module which calls `connectToService`. It never throws: callers restart processes from
 * timers, and a start that fails for lack of file descriptors or memory may succeed later.
 *
 * @param entry the module under its built name; with tsx, which runs the sources directly, the `.ts` file of that name
 * runs
 * @param onEnd called once, after this function has returned, with the outcome: the process could not be started, or
 * has ended. The text completes a sentence that begins with "the process"
 * @param options Node's options, in addition to those that this process was started with
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
  // Listens to all errors: an `error` event without a listener would end the service.
  child.on('error', ({ message }) => end(`cannot be started: ${message}`));
  // Without file descriptors for its pipes, Node creates no streams, although the types say otherwise.
  const socket: Duplex | null | undefined = child.stdio?.[CHANNEL_FD] as Duplex | null | undefined;
  return { process: child, channel: new Channel<Incoming, Outgoing>(socket ?? nowhere(), onMessage) };
}

const children = new Set<ChildProcess>();

/** Ends the child with the service, however the service ends: a process that hangs would not notice. */
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

/** Node throws some spawn errors and emits others as `error` events. This function emits all of them. */
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

/** Stands in for the socket of a process that could not be started. */
const nowhere = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });

/**
 * Time to wait for a killed process to exit. A process that waits in the kernel, for a device or a network file system,
 * exits when that answers, if ever.
 */
const GONE_MS = 5000;

/** Kills a process and waits until it has exited, or until waiting is pointless. */
export async function endChild(child: ChildProcess): Promise<void> {
  // It never started, or has ended already.
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

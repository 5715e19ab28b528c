import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Channel } from './channel.js';
import { CHANNEL_FD } from './parent.js';

/** A process of the service's own, and the way to talk to it. */
export interface Child<Incoming, Outgoing> {
  readonly process: ChildProcess;
  readonly channel: Channel<Incoming, Outgoing>;
}

/**
 * Starts a process that runs a module which calls `connectToService`.
 *
 * @param entry the module under its built name: with tsx the sources run as they are, and so does their `.ts` under it
 * @param onEnd is told what became of it, as what follows "the process": it could not be started, or ended
 */
export function startChild<Incoming, Outgoing>(
  entry: URL,
  onMessage: (message: Incoming, arrays: Float32Array[]) => void,
  onEnd: (reason: string) => void,
): Child<Incoming, Outgoing> {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(entry)], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const channel = new Channel<Incoming, Outgoing>(child.stdio[CHANNEL_FD] as Duplex, onMessage);
  child.once('error', (error) => onEnd(`cannot be started: ${error.message}`));
  child.once('exit', (code, signal) => onEnd(`ended (${signal ?? `exit code ${code}`})`));
  return { process: child, channel };
}

/** Ends a process that runs, whatever it does, and waits until it is gone. */
export async function endChild(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

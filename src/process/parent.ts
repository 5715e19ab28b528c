import { Socket } from 'node:net';
import { Channel, type OnMessage } from './channel.js';

/** The first file descriptor after stdin, stdout and stderr. */
export const CHANNEL_FD = 3;

/** Connects a process that `startChild` has started with the service. The process ends when the service does. */
export function connectToService<Incoming, Outgoing>(
  onMessage: OnMessage<Incoming>,
): Channel<Incoming, Outgoing> {
  const socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
  // The service has ended, so there is no one to answer. SIGINT and SIGTERM go to the whole process group, but the
  // service decides when to stop.
  socket.on('close', () => process.exit(0));
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  return new Channel<Incoming, Outgoing>(socket, onMessage);
}

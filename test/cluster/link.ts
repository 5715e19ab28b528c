import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server of this machine that can be lost. */
export interface Link {
  readonly port: number;
  /** Nothing comes through any more, and nobody is told so. */
  silence(): void;
  /** All connections are lost, and there are no new ones. */
  cut(): void;
  close(): void;
}

export async function startLink(to: number): Promise<Link> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: to });
    const end = () => {
      for (const socket of [near, far]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(socket);
      socket.on('data', (bytes) => isSilent || other.write(bytes));
      socket.on('error', end).on('close', end);
    }
  });
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    silence() {
      isSilent = true;
    },
    cut,
    close: cut,
  };
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Simulates a network that breaks: a proxy in front of a service that cuts a connection after a number of bytes from
 * the service.
 */
export class CuttingProxy {
  /** Number of bytes that the next connections may carry, including headers. */
  limit = Number.POSITIVE_INFINITY;
  /** Called before a connection is cut. */
  onCut = () => {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(service: URL) {
    this.#server = createServer((client) => this.#serve(client, service));
  }

  static async before(serviceUrl: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(new URL(serviceUrl));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(client: Socket, { hostname, port }: URL): void {
    const upstream = connect({ host: hostname, port: Number(port) });
    let left = this.limit;
    const end = () => {
      client.destroy();
      upstream.destroy();
      this.#sockets.delete(client);
      this.#sockets.delete(upstream);
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      if (chunk.length < left) {
        left -= chunk.length;
        if (!client.write(chunk)) upstream.pause();
        return;
      }
      upstream.pause();
      // The allowed bytes arrive, so that the break comes exactly after them.
      client.end(chunk.subarray(0, left), () => {
        this.onCut();
        end();
      });
    });
    client.on('drain', () => upstream.resume());
  }
}

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The fate of a request: it is answered, lost before the server has it, or its answer is lost. */
export type Fate = 'answered' | 'lost' | 'answer lost';

export interface S3Proxy {
  readonly endpoint: string;
  /** The requests in the form `PUT records/…`, with keys without the bucket and its prefix. */
  readonly requests: readonly string[];
  /** Decides by a request's number, from 0 on, and by what it asks for. */
  decide(fate: (number: number, what: string) => Fate): void;
  stop(): Promise<void>;
}

/** A way to an S3 server on which requests and answers get lost. */
export async function startProxy(port: number): Promise<S3Proxy> {
  const agent = new Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let fateOf = (_number: number, _what: string): Fate => 'answered';
  const forward = (from: IncomingMessage, to: ServerResponse) => {
    const [, path] = /^\/[^/?]+\/[^/?]+\/([^?]*)/.exec(from.url ?? '') ?? [];
    const what = `${from.method} ${decodeURIComponent(path ?? '')}`;
    const fate = fateOf(requests.length, what);
    requests.push(what);
    if (fate === 'lost') {
      from.socket.destroy();
      return;
    }
    const { method, url, headers } = from;
    // With the host that the request was signed for.
    const on = request({ host: '127.0.0.1', port, method, path: url, headers, agent }, (answer) => {
      if (fate === 'answer lost') {
        answer.resume().on('end', () => from.socket.destroy());
        return;
      }
      to.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(to);
    });
    on.on('error', () => from.socket.destroy());
    from.pipe(on);
  };
  const server = createServer(forward).listen(0, '127.0.0.1');
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    decide(fate) {
      requests.length = 0;
      fateOf = fate;
    },
    async stop() {
      agent.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

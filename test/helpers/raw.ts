import { connect } from 'node:net';

/** An answer as received over the connection. */
export interface RawAnswer {
  /** The status; 0 if there was no answer. */
  readonly status: number;
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes that no HTTP client would send, and reads until the server ends the connection. */
export async function raw(url: string, text: string): Promise<RawAnswer> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(text, 'latin1');
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch {
    // The connection was reset. The data before that counts.
  }
  return parse(Buffer.concat(chunks).toString());
}

/** Sends a request for a path without changing it. */
export const rawRequest = (url: string, method: string, path: string, headers = '') =>
  raw(url, `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`);

function parse(text: string): RawAnswer {
  const [head, ...rest] = text.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(
      lines.map((line) => {
        const [name, value] = line.split(/: (.*)/);
        return [name.toLowerCase(), value];
      }),
    ),
    body: rest.join('\r\n\r\n'),
  };
}

import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  /** 0 where none came. */
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes as they are, which no HTTP client would, and reads until the server ends the connection. */
export async function raw(url: string, text: string): Promise<RawAnswer> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(text, 'latin1');
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
  } catch {
    // It was reset: what had come before counts.
  }
  return parse(Buffer.concat(chunks).toString());
}

/** A request for a path as it is written, whatever it holds. */
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

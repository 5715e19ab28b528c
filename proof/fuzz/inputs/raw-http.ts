import { connect } from 'node:net';

export interface RawResponse {
  readonly status: number;
  /** Headers, with names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Sends bytes that may not be a valid request, and reads the answer to its end. */
export function exchange(port: number, request: Uint8Array): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1' });
    // An answer may arrive before all of the request is read. What ends the connection then does not matter.
    let failure: Error | undefined;
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.once('error', (error) => {
      failure = error;
    });
    socket.once('close', () => {
      const response = parseResponse(Buffer.concat(pieces));
      if (response) resolve(response);
      else reject(new Error('the connection ended without an answer', { cause: failure }));
    });
    // The socket is not ended: Node's server takes a client that closes its side for one that does not wait for an
    // answer.
    socket.write(request);
  });
}

function parseResponse(bytes: Buffer): RawResponse | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status, headers, body: bytes.subarray(end + 4) };
}

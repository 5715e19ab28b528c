import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { addFaults } from './answer-faults.js';
import { type Answer, undocumented } from './documented.js';

/** Content types whose bodies are checked against a schema. For others, only the headers are checked. */
const TEXT = /json|event-stream/;

/** Checks every answer of a server against the OpenAPI document. `takeFaults` returns the differences. */
export function watchAnswers(server: Server): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    let headers: OutgoingHttpHeaders = {};
    let sent = 0;
    const keep = (chunk: unknown) => {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
      const bytes = Buffer.from(chunk as Uint8Array);
      sent += bytes.length;
      if (TEXT.test(String(headers['content-type'] ?? response.getHeader('content-type'))))
        chunks.push(bytes);
    };
    const { write, end, writeHead } = response;
    response.writeHead = (...args: unknown[]) => {
      headers = { ...response.getHeaders(), ...lowerCased(args.at(-1)) };
      return Reflect.apply(writeHead, response, args) as typeof response;
    };
    response.write = (...args: unknown[]) => {
      keep(args[0]);
      return Reflect.apply(write, response, args) as boolean;
    };
    response.end = (...args: unknown[]) => {
      keep(args[0]);
      return Reflect.apply(end, response, args) as typeof response;
    };
    // One listener more than the service's own, of which Node would warn.
    response.setMaxListeners(response.getMaxListeners() + 1);
    response.once('close', () => {
      const isWhole = response.writableFinished;
      const length = headers['content-length'];
      if (!response.headersSent) return;
      const answer: Answer = {
        method: request.method!,
        url: request.url!,
        status: response.statusCode,
        headers: { ...response.getHeaders(), ...headers },
        body: isWhole ? Buffer.concat(chunks).toString() : null,
      };
      addFaults(undocumented(answer));
      if (isWhole && request.method !== 'HEAD' && length !== undefined && Number(length) !== sent) {
        addFaults([
          `${request.method} ${request.url}: ${sent} bytes, but content-length is ${String(length)}`,
        ]);
      }
    });
  });
}

function lowerCased(headers: unknown): OutgoingHttpHeaders {
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(
    Object.entries(headers as OutgoingHttpHeaders).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

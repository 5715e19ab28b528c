import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file in a repository of the simulated hub. */
export interface HubFileSpec {
  readonly bytes: Buffer;
  /** The sha256 that the hub gives, if it is not that of the contents. */
  readonly sha256?: string;
  readonly contentType?: string;
}

export interface HubRepository {
  readonly commit: string;
  readonly files: Readonly<Record<string, HubFileSpec>>;
  /** Only clients that send this token can see the repository. */
  readonly token?: string;
  readonly isGated?: boolean;
}

/** A request that a server received. */
export interface HubRequest {
  readonly server: 'hub' | 'contents';
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** Breaks a connection after a number of bytes, once the client has received them; otherwise they could be lost. */
export interface Cut {
  readonly bytes: number;
  readonly received: (position: number) => Promise<unknown>;
}

export interface SmallHub {
  readonly endpoint: string;
  /** Address to which the hub redirects for contents: another host, as for the real hub. */
  readonly contents: string;
  readonly requests: HubRequest[];
  /**
   * Positions at which the connections of the next answers with contents break. If it is empty, answers are complete.
   */
  readonly cuts: Cut[];
  close(): Promise<void>;
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Starts a hub on loopback with the API of Hugging Face's hub, and a separate server for contents. */
export async function startHub(repositories: Readonly<Record<string, HubRepository>>): Promise<SmallHub> {
  const requests: HubRequest[] = [];
  const cuts: Cut[] = [];
  const note = (server: HubRequest['server'], { method, url, headers }: IncomingMessage) =>
    requests.push({
      server,
      method: method!,
      url: url!,
      range: headers.range,
      authorization: headers.authorization,
    });

  const contentsServer = createServer((request, response) => {
    note('contents', request);
    const [, owner, name, ...path] = new URL(request.url!, 'http://x').pathname.split('/');
    sendContents(request, response, repositories[`${owner}/${name}`].files[path.join('/')], cuts);
  });
  const contents = await listen(contentsServer);

  const hubServer = createServer((request, response) => {
    note('hub', request);
    const { pathname } = new URL(request.url!, 'http://x');
    const [, owner, name, verb, revision, ...path] = pathname.split('/').map(decodeURIComponent);
    const repository = repositories[`${owner}/${name}`];
    const sent = request.headers.authorization;
    if (!repository || (repository.token && sent !== `Bearer ${repository.token}`)) {
      return refuse(response, sent ? 404 : 401, 'RepoNotFound');
    }
    if (repository.isGated) return refuse(response, 403, 'GatedRepo');
    if (verb !== 'resolve') return refuse(response, 404, '');
    if (revision !== 'main' && revision !== 'refs/pr/1' && revision !== repository.commit) {
      return refuse(response, 404, 'RevisionNotFound');
    }
    const file = repository.files[path.join('/')];
    if (!file) return refuse(response, 404, 'EntryNotFound');
    const digest = file.sha256 ?? sha256(file.bytes);
    response.writeHead(302, {
      'x-repo-commit': repository.commit,
      'x-linked-etag': `"${digest}"`,
      'x-linked-size': String(file.bytes.length),
      etag: '"of the pointer"',
      location: `${contents}/${owner}/${name}/${path.join('/')}?signature=x`,
    });
    response.end();
  });
  const endpoint = await listen(hubServer);

  return {
    endpoint,
    contents,
    requests,
    cuts,
    async close() {
      for (const server of [hubServer, contentsServer]) {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }
    },
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json', ...(code && { 'x-error-code': code }) });
  response.end();
}

/** Sends a file, or the rest of one, and breaks the connection at the given position. */
export function sendContents(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { bytes, contentType = 'binary/octet-stream' }: HubFileSpec,
  cuts: Cut[],
): void {
  const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
  const rest = bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    etag: `"${sha256(bytes).slice(0, 16)}"`,
    'content-type': contentType,
    'content-length': rest.length,
    ...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  const cut = method === 'GET' ? cuts.shift() : undefined;
  if (method === 'HEAD') response.end();
  else if (cut === undefined) response.end(rest);
  else {
    response.write(rest.subarray(0, cut.bytes));
    void cut.received(from + cut.bytes).finally(() => response.destroy());
  }
}

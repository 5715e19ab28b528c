import { type Dispatcher, EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { VERSION } from '../version.js';
import { SourceError } from './source.js';
import { unpaused } from './unpaused.js';

/** A server that sends nothing for this long is considered lost. */
const SILENCE_MS = 30_000;
const CONNECT_MS = 10_000;

const MAX_REDIRECTS = 10;

export interface WebRequest {
  readonly method: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent only to the host of the first address. */
  readonly token?: string | null;
  readonly signal: AbortSignal;
  /** If true, a redirect to another host is not followed, and its answer is returned. */
  readonly staysOnHost?: boolean;
}

/** There was no answer. The same request may succeed later. */
export class UnreachableError extends SourceError {}

/** Uses the proxies in the environment (HTTPS_PROXY, NO_PROXY), as other tools do. */
let agent: Dispatcher | undefined;
const sharedAgent = () => {
  agent ??= new EnvHttpProxyAgent({
    headersTimeout: SILENCE_MS,
    bodyTimeout: SILENCE_MS,
    connectTimeout: CONNECT_MS,
  }).compose(unpaused());
  return agent;
};

/**
 * Sends a request and follows redirects. A token is sent only to the host that it is meant for.
 *
 * @throws UnreachableError; SourceError for a redirect that is not followed; the signal's reason once it is aborted
 */
export async function send(address: string, request: WebRequest): Promise<Response> {
  const { method, headers, signal, staysOnHost = false } = request;
  const first = new URL(address);
  let url = first;
  let token = request.token ?? null;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetchOnce(url, {
      method,
      signal,
      headers: {
        ...headers,
        'user-agent': `ghn-serve/${VERSION}`,
        // A compressed body has neither the length nor the ranges of the file.
        'accept-encoding': 'identity',
        ...(token !== null && { authorization: `Bearer ${token}` }),
      },
    });
    const location = response.headers.get('location');
    if (location === null || response.status < 300 || response.status > 399) return response;
    const next = new URL(location, url);
    if (next.origin !== first.origin) {
      if (staysOnHost) return response;
      // The token stays dropped, because the other host could redirect back to an address that it made up.
      token = null;
    }
    await response.body?.cancel();
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new SourceError(
        `${url.host} redirects from https to ${next.protocol}//${next.host}, which is not followed`,
      );
    }
    url = next;
  }
  throw new SourceError(`${first.host} redirects more than ${MAX_REDIRECTS} times`);
}

async function fetchOnce(
  url: URL,
  init: Omit<NonNullable<Parameters<typeof fetch>[1]>, 'redirect'>,
): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'manual', dispatcher: sharedAgent() });
  } catch (error) {
    throw init.signal?.aborted ? init.signal.reason : unreachable(url.host, error);
  }
}

/** Returns an error with the actual reason, which undici gives only as the cause of a general error. */
export function unreachable(host: string, error: unknown): UnreachableError {
  const { message, cause } = error as Error;
  const reason = cause instanceof AggregateError ? cause.errors[0] : (cause ?? error);
  const { code } = reason as NodeJS.ErrnoException;
  const words = (reason as Error).message || (code ?? message);
  const isCertificate = /CERT|SIGNATURE|SELF_SIGNED/.test(code ?? '');
  const remedy = isCertificate
    ? 'if the network has its own certificate authority, set NODE_EXTRA_CA_CERTS to a file with its certificates'
    : 'check the network, and HTTPS_PROXY if there is a proxy';
  return new UnreachableError(`${host} cannot be reached: ${words}; ${remedy}`, { cause: error });
}

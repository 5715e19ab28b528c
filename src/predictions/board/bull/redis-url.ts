/** The place of Redis, read from a URL. */
export interface RedisPlace {
  /** One server, the Sentinels that watch over a server and its replicas, or the servers of a cluster. */
  readonly kind: 'server' | 'sentinel' | 'cluster';
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly isEncrypted: boolean;
  readonly username?: string;
  readonly password?: string;
  /** The name of the server in Sentinel. */
  readonly name?: string;
  readonly database?: number;
}

const FORM =
  /^(?<scheme>rediss?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<credentials>[^\s/@]*)@)?(?<hosts>[^\s/@]+)(?<path>\/\S*)?$/;
const HOST = /^(?<host>\[[\da-f:.]+\]|[^\s:[\]]+)(?::(?<port>\d{1,5}))?$/i;
const PORTS = { server: 6379, cluster: 6379, sentinel: 26_379 } as const;
const PATHS = {
  server: /^(?:\/(?<database>\d{1,5})?)?$/,
  cluster: /^\/?$/,
  sentinel: /^\/(?<name>[^\s/]+)(?:\/(?<database>\d{1,5}))?$/,
} as const;

/**
 * Reads `redis://host:port/database`, `redis+sentinel://host:port,host:port/name/database` and
 * `redis+cluster://host:port,host:port`. `rediss` means TLS, and a user's name and password may stand before the
 * first host. Null if the text is none of these.
 */
export function parseRedisUrl(url: string): RedisPlace | null {
  const { scheme, kind: given, credentials, hosts: listed, path = '' } = FORM.exec(url)?.groups ?? {};
  if (scheme === undefined || listed === undefined) return null;
  const kind = (given ?? 'server') as RedisPlace['kind'];
  const behind = PATHS[kind].exec(path)?.groups;
  const hosts = listed.split(',').map((text) => {
    const { host, port } = HOST.exec(text)?.groups ?? {};
    return host === undefined
      ? null
      : { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? PORTS[kind]) };
  });
  if (!PATHS[kind].test(path) || hosts.includes(null) || (kind === 'server' && hosts.length > 1)) return null;
  const [username, ...rest] = (credentials ?? '').split(':').map(decoded);
  const password = rest.join(':');
  return {
    kind,
    hosts: hosts.filter((host) => host !== null),
    isEncrypted: scheme === 'rediss',
    ...(username && { username }),
    ...(password && { password }),
    ...(behind?.name && { name: behind.name }),
    ...(behind?.database && { database: Number(behind.database) }),
  };
}

/** A password may contain a percent sign that encodes nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

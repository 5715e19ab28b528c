import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Variables = Readonly<Record<string, string | undefined>>;

/** What fetching goes by: the variables that Hugging Face's own tools go by, read as they read them. */
export interface SourceEnvironment {
  /** The hub's address, without a slash at its end. */
  readonly endpoint: string;
  /** The folder of the hub's files that its tools share. */
  readonly hubCache: string;
  /** The folder of files from other addresses. */
  readonly urlCache: string;
  /** Sent to the hub alone; null for none. */
  readonly token: string | null;
  /** The S3 server of files in buckets; null for AWS, or for what the AWS SDK's own variables say. */
  readonly s3Endpoint: string | null;
  /** Whether nothing may be fetched. */
  readonly isOffline: boolean;
}

const PUBLIC_HUB = 'https://huggingface.co';

const isTrue = (value: string | undefined) => /^(?:1|on|yes|true)$/i.test(value ?? '');

/** With `~`, `$NAME` and `${NAME}` replaced: nobody's shell does it for a variable of a service or a container. */
function expanded(path: string, variables: Variables): string {
  const home = path.replace(/^~(?=\/|$)/, homedir());
  return home.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (all, plain?: string, braced?: string) => {
    return variables[plain ?? braced ?? ''] ?? all;
  });
}

function readToken(path: string): string | null {
  try {
    return clean(readFileSync(path, 'utf8'));
  } catch {
    // Users who have not signed in have no such file.
    return null;
  }
}

/** People paste tokens with white space around them. */
const clean = (token: string | undefined) => token?.replaceAll(/[\r\n]/g, '').trim() || null;

/** Reads the environment as huggingface_hub does. An empty variable counts as none. */
export function readSourceEnvironment(variables: Variables): SourceEnvironment {
  const cacheHome = expanded(variables.XDG_CACHE_HOME || join(homedir(), '.cache'), variables);
  const home = expanded(variables.HF_HOME || join(cacheHome, 'huggingface'), variables);
  const hubCache = variables.HF_HUB_CACHE || variables.HUGGINGFACE_HUB_CACHE || join(home, 'hub');
  const tokenPath = expanded(variables.HF_TOKEN_PATH || join(home, 'token'), variables);
  const token = clean(variables.HF_TOKEN) ?? clean(variables.HUGGING_FACE_HUB_TOKEN) ?? readToken(tokenPath);
  return {
    endpoint: (variables.HF_ENDPOINT || PUBLIC_HUB).replace(/\/$/, ''),
    hubCache: expanded(hubCache, variables),
    urlCache: join(cacheHome, 'ghn-serve', 'urls'),
    token: isTrue(variables.HF_HUB_DISABLE_IMPLICIT_TOKEN) ? null : token,
    s3Endpoint: variables.S3_ENDPOINT || null,
    isOffline: isTrue(variables.HF_HUB_OFFLINE || variables.TRANSFORMERS_OFFLINE),
  };
}

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Variables = Readonly<Record<string, string | undefined>>;

/** Settings of downloads: the environment variables of Hugging Face's own tools, read in the same way. */
export interface SourceEnvironment {
  /** The hub's address, without a slash at its end. */
  readonly endpoint: string;
  /** The cache of the hub's files, shared with Hugging Face's tools. */
  readonly hubCache: string;
  /** The cache of files from other addresses. */
  readonly urlCache: string;
  /** The token, which is sent only to the hub; null for none. */
  readonly token: string | null;
  /** The S3 server for files in buckets; null for AWS, or for the one in the AWS SDK's variables. */
  readonly s3Endpoint: string | null;
  /** True if downloads are forbidden. */
  readonly isOffline: boolean;
}

const PUBLIC_HUB = 'https://huggingface.co';

const isTrue = (value: string | undefined) => /^(?:1|on|yes|true)$/i.test(value ?? '');

/** Replaces `~`, `$NAME` and `${NAME}`, which no shell does for the variables of a service or a container. */
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
    // The file does not exist if the user has not signed in.
    return null;
  }
}

/** Removes white space, which users often paste with a token. */
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

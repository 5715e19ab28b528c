import { basename, extname } from 'node:path';
import { z } from 'zod';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** A timer counts to 2^31 - 1 milliseconds, and is over at once where it should count further. */
const MAX_TIMEOUT_MS = 2e9;

/** What a GHN may be called in a request. */
const GHN_ID = /^[\w.-]{1,100}$/;

/** An entry of GHN_CHECKPOINTS, and behind a question mark what its file does not tell: `?normalize=std`. */
const GHN_OPTIONS = /^(.*?)(?:\?(\w+=[\w.-]*(?:&\w+=[\w.-]*)*))?$/s;

/** What is blank would be read as 0, and 0 is no limit in many a place. */
const notBlank = z.string().regex(/\S/, 'is blank: give a number, or leave it out');

const wholeNumber = (minimum: number) =>
  notBlank.pipe(z.coerce.number<string>().int().min(minimum).max(Number.MAX_SAFE_INTEGER));

const integer = (minimum: number, fallback: number) => wholeNumber(minimum).default(fallback);

/** One without a default of its own. */
const limit = wholeNumber(1);

const list = z
  .string()
  .transform((value) => value.split(',').map((entry) => entry.trim()))
  .transform((entries) => entries.filter((entry) => entry !== ''));

const checkpoints = list.transform((entries, context) => {
  const files = entries.map((entry) => {
    const [, source = '', query = ''] = GHN_OPTIONS.exec(entry) ?? [];
    const equals = source.indexOf('=');
    const path = source.slice(equals + 1);
    const id = equals < 0 ? basename(path, extname(path)) : source.slice(0, equals);
    return { id, path, ...(query && { options: Object.fromEntries(new URLSearchParams(query)) }) };
  });
  if (files.length === 0) context.addIssue('names no checkpoint');
  const seen = new Set<string>();
  for (const { id, path } of files) {
    if (path === '') context.addIssue(`${id} has no path: write id=path`);
    if (!GHN_ID.test(id)) {
      context.addIssue(`the id ${JSON.stringify(id)} of ${path} may hold letters, digits, _, . and - alone`);
    }
    if (seen.has(id)) context.addIssue(`two checkpoints have the id ${id}: name them with id=path`);
    seen.add(id);
  }
  return files;
});

/** What a client can send as its key; `sha256:` and a digest stand for one that is not told. */
const API_KEY = /^[\x21-\x7e]+$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/i;

/** What is wrong with a key, without saying it; null for nothing. */
function keyFault(key: string): string | null {
  if (/^sha256:/i.test(key)) {
    return DIGEST.test(key)
      ? null
      : 'begins with sha256: and needs the 64 hex digits of a key’s digest after it';
  }
  if (API_KEY.test(key)) return null;
  return 'can be sent by no client: a key is of visible ASCII characters, without spaces';
}

const apiKeys = list.transform((keys, context) => {
  // Whoever sets it wants the service closed.
  if (keys.length === 0) context.addIssue('names no key: give one, or leave it out to let everybody in');
  for (const [index, key] of keys.entries()) {
    const fault = keyFault(key);
    if (fault) context.addIssue(`the key at position ${index + 1} ${fault}`);
  }
  return keys.map((key) => (DIGEST.test(key) ? key.toLowerCase() : key));
});

/** The origin of a page at that address, as browsers send it; null where there is none. */
function originOf(address: string): string | null {
  if (!URL.canParse(address)) return null;
  const { protocol, host } = new URL(address);
  return host === '' || host.includes('*') ? null : `${protocol}//${host}`;
}

const origins = list.transform((entries, context) => {
  if (entries.length === 0) context.addIssue('names no origin: give one, or leave it out');
  for (const entry of entries) {
    const origin = originOf(entry);
    if (entry === '*' || entry === 'null' || entry === origin) continue;
    const meant = origin ?? 'an origin such as https://lab.example, or *';
    context.addIssue(`${JSON.stringify(entry)} is the origin of no page: write ${meant}`);
  }
  return entries;
});

/** A setting's first word says where it would lead; this build goes to the others. */
const unsupported = (scheme: string, instead: string) => (value: string) =>
  !value.startsWith(scheme) || `${scheme} is not supported by this build; ${instead}`;

function refusing(scheme: string, instead: string) {
  const check = unsupported(scheme, instead);
  return z.string().superRefine((value, context) => {
    const verdict = check(value);
    if (verdict !== true) context.addIssue(verdict);
  });
}

/** Fewer hold no prediction: a slip of the pen, which would empty the store. */
const MIN_STORE_BYTES = MIB;
/** Fewer have no room for any prediction. */
const MIN_MEMORY_BYTES = 16 * MIB;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: MIB,
  GiB: GIB,
  TiB: 2 ** 40,
};

/** A number of bytes, with or without a unit: 500000000, 500MB, 20GiB. */
function byteCount(minimum: number) {
  return notBlank.transform((value, context) => {
    const [, number = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*$/.exec(value) ?? [];
    const scale = Object.entries(UNITS).find(([name]) => name.toLowerCase() === unit.toLowerCase())?.[1];
    const bytes = number === '' || scale === undefined ? Number.NaN : Math.round(Number(number) * scale);
    if (!Number.isSafeInteger(bytes)) {
      context.addIssue(`${JSON.stringify(value)} is no number of bytes: write 20000000000, 20GB or 20GiB`);
    } else if (bytes < minimum) {
      context.addIssue(
        `is at least ${minimum} bytes: write a number of bytes, or one with a unit such as 20GiB`,
      );
    }
    return bytes;
  });
}

/** The environment variables that the service reads; the README lists them. */
const settingsSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 3000).pipe(z.number().max(65_535)),
  GHN_CHECKPOINTS: checkpoints.optional(),
  ENGINE: z.enum(['auto', 'tensorflow', 'onnxruntime', 'wasm']).default('auto'),
  DEVICE: z.enum(['auto', 'cpu', 'cuda', 'webgpu']).default('auto'),
  STORE: refusing('s3://', 'give a directory').default('data'),
  STORE_MAX_BYTES: byteCount(MIN_STORE_BYTES).default(20 * GIB),
  QUEUE: refusing('redis', 'use QUEUE=memory')
    .pipe(z.literal('memory', 'the queue is "memory"'))
    .default('memory'),
  MAX_QUEUE: integer(1, 64),
  MAX_WAIT_MS: limit.optional(),
  MAX_MEMORY_BYTES: byteCount(MIN_MEMORY_BYTES).optional(),
  MAX_EVENT_LOOP_DELAY_MS: integer(0, 1000),
  MAX_BODY_BYTES: byteCount(1).default(16 * MIB),
  MAX_NODES: integer(1, 5000),
  MAX_PARAMETERS: integer(1, 2e9),
  REQUEST_TIMEOUT_MS: integer(1, 300_000).pipe(z.number().max(MAX_TIMEOUT_MS)),
  RATE_LIMIT: integer(0, 0),
  API_KEYS: apiKeys.default([]),
  CORS_ORIGINS: origins.default([]),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export interface CheckpointSetting {
  readonly id: string;
  readonly path: string;
  /** Settings of the GHN that its file does not tell. */
  readonly options?: Readonly<Record<string, string>>;
}

export type Settings = z.output<typeof settingsSchema>;

/** The settings are wrong; the message says which and how, a line each. */
export class SettingsError extends Error {}

/**
 * Reads the settings from environment variables. An empty variable counts as none.
 *
 * @throws SettingsError that names every variable that is wrong
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const given = Object.fromEntries(
    Object.keys(settingsSchema.shape).flatMap((name) =>
      environment[name] ? [[name, environment[name]]] : [],
    ),
  );
  const { data, error } = settingsSchema.safeParse(given);
  if (error) {
    throw new SettingsError(
      error.issues.map(({ path, message }) => `${path[0]?.toString()}: ${message}`).join('\n'),
    );
  }
  return data;
}

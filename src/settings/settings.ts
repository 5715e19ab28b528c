import { z } from 'zod';
import { isBucket, parseLocation } from '../store/location.js';
import { apiKeys } from './api-keys.js';
import { checkpoints } from './checkpoints.js';
import { SettingsError } from './error.js';
import { origins } from './origins.js';
import { withSecretFiles } from './secret-files.js';
import { byteCount, GIB, MIB, wholeNumber } from './values.js';

/** A timer counts to 2^31 - 1 milliseconds, and fires at once where it should count further. */
const MAX_TIMEOUT_MS = 2e9;

const MAX_PORT = 65_535;

/** More threads than any machine has cores. */
const MAX_THREADS = 1024;

/** A smaller store holds no prediction: the value is a slip of the pen that would empty it. */
const MIN_STORE_BYTES = MIB;

/** With a name and a password before the host, if it wants them, and the number of a database behind it. */
const REDIS = /^rediss?:\/\/[^\s/]+(?:\/\d+)?$/;

/** Less memory has no room for any prediction. */
const MIN_MEMORY_BYTES = 16 * MIB;

const store = z.string().refine((value) => !isBucket(value) || parseLocation(value) !== null, {
  error: 'is no bucket: write s3://bucket or s3://bucket/prefix, or give a directory',
});

const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'is no address: write http://host:port or https://host',
});

const queue = z.string().refine((value) => value === 'memory' || REDIS.test(value), {
  error: 'is no queue: write memory, redis://host:port or rediss://host:port',
});

/** An API key of one purpose, or its digest. */
const oneKey = apiKeys.pipe(z.array(z.string()).length(1, 'is one key alone'));

/**
 * The settings: environment variables, and flags of the command of the same names. Each description is a line of --help;
 * the word in `form` stands there for the value.
 */
export const settingsSchema = z.object({
  HOST: z.string().default('127.0.0.1').meta({ description: 'address to listen at', form: 'address' }),
  PORT: wholeNumber(0, MAX_PORT)
    .default(3000)
    .meta({ description: 'port to listen at; 0 takes any that is free', form: 'number' }),
  GHN_CHECKPOINTS: checkpoints.optional().meta({
    description:
      'GHNs to load, comma-separated: files, ghn3-t (-s, -l, -xl), hf://owner/repository/file, https://…, or id=source (default: the GHN of the package)',
    form: 'sources',
  }),
  ENGINE: z
    .enum(['auto', 'tensorflow', 'onnxruntime', 'wasm'])
    .default('auto')
    .meta({ description: 'library that computes: auto, tensorflow, onnxruntime or wasm', form: 'name' }),
  DEVICE: z
    .enum(['auto', 'cpu', 'cuda', 'webgpu'])
    .default('auto')
    .meta({ description: 'device that computes: auto, cpu, cuda or webgpu', form: 'name' }),
  THREADS: wholeNumber(1, MAX_THREADS).optional().meta({
    description: 'threads of the engine on a CPU (default: the cores, or the container’s quota of them)',
    form: 'number',
  }),
  STORE: store.default('data').meta({
    description: 'where the predictions are: a directory, or s3://bucket/prefix',
    form: 'place',
  }),
  S3_ENDPOINT: httpUrl.optional().meta({
    description:
      'S3 server of the buckets in STORE and GHN_CHECKPOINTS (default: AWS); credentials come as the AWS SDK finds them',
    form: 'url',
  }),
  S3_PUBLIC_ENDPOINT: httpUrl.optional().meta({
    description: 'the same S3 server as clients see it, for redirects to it (default: S3_ENDPOINT)',
    form: 'url',
  }),
  STORE_MAX_BYTES: byteCount(MIN_STORE_BYTES)
    .default(20 * GIB)
    .meta({
      description: 'size of the store, above which the least recently used predictions are deleted',
      form: 'size',
    }),
  QUEUE: queue.default('memory').meta({
    description: 'where predictions wait: memory, or redis://host:port, which services share',
    form: 'place',
  }),
  ROLE: z
    .enum(['all', 'api', 'worker'])
    .default('all')
    .meta({ description: 'what this service does: all, api (asks workers) or worker', form: 'name' }),
  MAX_QUEUE: wholeNumber(1)
    .default(64)
    .meta({ description: 'predictions that may wait for the engine', form: 'number' }),
  MAX_WAIT_MS: wholeNumber(1).optional().meta({
    description:
      'expected wait for the engine above which a request is refused (default: REQUEST_TIMEOUT_MS)',
    form: 'milliseconds',
  }),
  MAX_MEMORY_BYTES: byteCount(MIN_MEMORY_BYTES).optional().meta({
    description: 'memory of all predictions under way (default: ¾ of what there is, less the GHNs)',
    form: 'size',
  }),
  MAX_EVENT_LOOP_DELAY_MS: wholeNumber(0).default(1000).meta({
    description: 'delay of the event loop above which requests are refused; 0 for never',
    form: 'milliseconds',
  }),
  MAX_BODY_BYTES: byteCount(1)
    .default(16 * MIB)
    .meta({ description: 'size of a request’s body', form: 'size' }),
  MAX_NODES: wholeNumber(1).default(5000).meta({ description: 'nodes of a network', form: 'number' }),
  MAX_PARAMETERS: wholeNumber(1)
    .default(2e9)
    .meta({ description: 'parameters of a network', form: 'number' }),
  REQUEST_TIMEOUT_MS: wholeNumber(1, MAX_TIMEOUT_MS).default(300_000).meta({
    description: 'time for an answer to be ready, and for what is under way at the end',
    form: 'milliseconds',
  }),
  SHUTDOWN_DELAY_MS: wholeNumber(0, MAX_TIMEOUT_MS).default(0).meta({
    description: 'time between /readyz turning 503 and the socket closing, for load balancers',
    form: 'milliseconds',
  }),
  RATE_LIMIT: wholeNumber(0)
    .default(0)
    .meta({ description: 'requests a minute of one key or address; 0 for any number', form: 'number' }),
  API_KEYS: apiKeys.default([]).meta({
    description:
      'keys that clients must send, comma-separated, or sha256: and a key’s digest (default: none)',
    form: 'keys',
  }),
  METRICS_KEY: oneKey.optional().meta({ description: 'a key that opens /metrics alone', form: 'key' }),
  CORS_ORIGINS: origins.default([]).meta({
    description: 'origins whose pages may call the service, comma-separated, or *',
    form: 'origins',
  }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .meta({ description: 'least severe level that is logged, or silent', form: 'level' }),
  LOG_FORMAT: z
    .enum(['json', 'pretty'])
    .default('json')
    .meta({ description: 'json for machines, pretty for people', form: 'name' }),
});

export type Settings = z.output<typeof settingsSchema>;

/** What goes with what: a line for each fault. */
function mismatches({
  GHN_CHECKPOINTS,
  STORE,
  S3_ENDPOINT,
  S3_PUBLIC_ENDPOINT,
  QUEUE,
  ROLE,
}: Settings): string[] {
  const faults: string[] = [];
  const isFetched = GHN_CHECKPOINTS?.some(({ source }) => isBucket(source.text)) ?? false;
  if (S3_ENDPOINT && !isBucket(STORE) && !isFetched) {
    faults.push(
      'S3_ENDPOINT: neither the store nor a checkpoint is in a bucket; write STORE=s3://bucket/prefix, or leave S3_ENDPOINT out',
    );
  }
  if (S3_PUBLIC_ENDPOINT && !S3_ENDPOINT) {
    faults.push('S3_PUBLIC_ENDPOINT: it goes with S3_ENDPOINT, the same server as the service sees it');
  }
  if (QUEUE !== 'memory' && !isBucket(STORE)) {
    faults.push('QUEUE: services that share a queue share a store as well; write STORE=s3://bucket/prefix');
  }
  if (ROLE !== 'all' && QUEUE === 'memory') {
    faults.push(`ROLE: ${JSON.stringify(ROLE)} needs others to work with; write QUEUE=redis://host:port`);
  }
  return faults;
}

/**
 * Reads the settings from environment variables. An empty variable counts as none; a secret can come from a file, such as
 * API_KEYS_FILE.
 *
 * @throws SettingsError that names every variable that is wrong
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const variables = withSecretFiles(environment);
  const given = Object.fromEntries(
    Object.keys(settingsSchema.shape).flatMap((name) => (variables[name] ? [[name, variables[name]]] : [])),
  );
  const { data, error } = settingsSchema.safeParse(given);
  const faults = error?.issues.map(({ path, message }) => `${path[0]?.toString()}: ${message}`) ?? [];
  if (data) faults.push(...mismatches(data));
  if (!data || faults.length > 0) throw new SettingsError(faults.join('\n'));
  return data;
}

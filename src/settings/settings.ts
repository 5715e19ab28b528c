import { z } from 'zod';
import { parseRedisUrl } from '../predictions/board/bull/redis-url.js';
import { isBucket, parseLocation } from '../store/location.js';
import { apiKeys } from './api-keys.js';
import { checkpoints } from './checkpoints.js';
import { SettingsError } from './error.js';
import { origins } from './origins.js';
import { withSecretFiles } from './secret-files.js';
import { byteCount, GIB, MIB, wholeNumber } from './values.js';

/** Timers work up to 2^31 - 1 milliseconds. A longer timer fires at once. */
const MAX_TIMEOUT_MS = 2e9;

const MAX_PORT = 65_535;

/** More threads than any machine has cores. */
const MAX_THREADS = 1024;

/** A smaller store cannot hold a prediction. Such a value is a typing error that would delete everything in the store. */
const MIN_STORE_BYTES = MIB;

/** No prediction fits in less memory. */
const MIN_MEMORY_BYTES = 16 * MIB;

const store = z.string().refine((value) => !isBucket(value) || parseLocation(value) !== null, {
  error: 'is not a bucket: write s3://bucket or s3://bucket/prefix, or give a directory',
});

const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'is not an address: write http://host:port or https://host',
});

const queue = z.string().refine((value) => value === 'memory' || parseRedisUrl(value) !== null, {
  error:
    'is not a queue: write memory, redis://host:port (rediss:// for TLS), redis+sentinel://host:port,host:port/name or redis+cluster://host:port,host:port',
});

/** One API key, or its digest. */
const oneKey = apiKeys.pipe(z.array(z.string()).length(1, 'must be exactly one key'));

/**
 * The settings. Each is an environment variable and a flag with the same name. --help shows the description, and `form`
 * in place of the value.
 */
export const settingsSchema = z.object({
  HOST: z.string().default('127.0.0.1').meta({ description: 'address to listen on', form: 'address' }),
  PORT: wholeNumber(0, MAX_PORT)
    .default(3000)
    .meta({ description: 'port to listen on; 0 means any free port', form: 'number' }),
  GHN_CHECKPOINTS: checkpoints.optional().meta({
    description:
      'GHNs to load, comma-separated: files, ghn3-t (-s, -l, -xl), hf://owner/repository/file, https://…, or id=source (default: the GHN of the package)',
    form: 'sources',
  }),
  ENGINE: z.enum(['auto', 'tensorflow', 'onnxruntime', 'wasm']).default('auto').meta({
    description: 'library for the computation: auto, tensorflow, onnxruntime or wasm',
    form: 'name',
  }),
  DEVICE: z
    .enum(['auto', 'cpu', 'cuda', 'webgpu'])
    .default('auto')
    .meta({ description: 'device for the computation: auto, cpu, cuda or webgpu', form: 'name' }),
  THREADS: wholeNumber(1, MAX_THREADS).optional().meta({
    description:
      'threads of the engine on a CPU (default: the number of cores, or the container’s CPU quota)',
    form: 'number',
  }),
  STORE: store.default('data').meta({
    description: 'where predictions are stored: a directory, or s3://bucket/prefix',
    form: 'place',
  }),
  S3_ENDPOINT: httpUrl.optional().meta({
    description:
      'S3 server of the buckets in STORE and GHN_CHECKPOINTS (default: AWS); the AWS SDK finds the credentials',
    form: 'url',
  }),
  S3_PUBLIC_ENDPOINT: httpUrl.optional().meta({
    description: 'address of the same S3 server for clients, used in redirects (default: S3_ENDPOINT)',
    form: 'url',
  }),
  STORE_MAX_BYTES: byteCount(MIN_STORE_BYTES)
    .default(20 * GIB)
    .meta({
      description:
        'maximum size of the store; the least recently used predictions are deleted to stay below it',
      form: 'size',
    }),
  QUEUE: queue.default('memory').meta({
    description:
      'where predictions wait: memory, or redis://host:port (redis+sentinel://, redis+cluster://) for a queue that several services share',
    form: 'place',
  }),
  ROLE: z.enum(['all', 'api', 'worker']).default('all').meta({
    description: 'what this service does: api (HTTP, computes nothing), worker, or all',
    form: 'name',
  }),
  MAX_QUEUE: wholeNumber(1)
    .default(64)
    .meta({ description: 'maximum number of predictions that wait for the engine', form: 'number' }),
  MAX_WAIT_MS: wholeNumber(1).optional().meta({
    description:
      'maximum expected wait for the engine; requests that would wait longer are refused (default: REQUEST_TIMEOUT_MS)',
    form: 'milliseconds',
  }),
  MAX_MEMORY_BYTES: byteCount(MIN_MEMORY_BYTES).optional().meta({
    description:
      'maximum memory of all predictions under way (default: ¾ of the available memory, minus the GHNs)',
    form: 'size',
  }),
  MAX_EVENT_LOOP_DELAY_MS: wholeNumber(0).default(1000).meta({
    description: 'requests are refused while the event loop is delayed by more than this; 0 means never',
    form: 'milliseconds',
  }),
  MAX_BODY_BYTES: byteCount(1)
    .default(16 * MIB)
    .meta({ description: 'maximum size of a request’s body', form: 'size' }),
  MAX_NODES: wholeNumber(1)
    .default(5000)
    .meta({ description: 'maximum number of nodes of a network', form: 'number' }),
  MAX_PARAMETERS: wholeNumber(1)
    .default(2e9)
    .meta({ description: 'maximum number of parameters of a network', form: 'number' }),
  REQUEST_TIMEOUT_MS: wholeNumber(1, MAX_TIMEOUT_MS).default(300_000).meta({
    description: 'maximum time for an answer, and at shutdown for the predictions under way',
    form: 'milliseconds',
  }),
  SHUTDOWN_DELAY_MS: wholeNumber(0, MAX_TIMEOUT_MS).default(0).meta({
    description: 'at shutdown, time between /readyz turning 503 and the socket closing, for load balancers',
    form: 'milliseconds',
  }),
  RATE_LIMIT: wholeNumber(0).default(0).meta({
    description: 'maximum number of requests per minute from one key or address; 0 means no limit',
    form: 'number',
  }),
  API_KEYS: apiKeys.default([]).meta({
    description:
      'keys that clients must send, comma-separated; each is the key, or sha256: and its digest (default: none)',
    form: 'keys',
  }),
  METRICS_KEY: oneKey.optional().meta({ description: 'a key for /metrics only', form: 'key' }),
  CORS_ORIGINS: origins.default([]).meta({
    description: 'origins whose pages may call the service, comma-separated, or * for all',
    form: 'origins',
  }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .meta({ description: 'least severe level to log, or silent', form: 'level' }),
  LOG_FORMAT: z
    .enum(['json', 'pretty'])
    .default('json')
    .meta({ description: 'json for machines, pretty for people', form: 'name' }),
});

export type Settings = z.output<typeof settingsSchema>;

/** Returns a line for each contradiction between settings. */
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
    faults.push('S3_PUBLIC_ENDPOINT: set S3_ENDPOINT as well, to the address that the service uses');
  }
  if (QUEUE !== 'memory' && !isBucket(STORE)) {
    faults.push('QUEUE: services that share a queue must share a store; write STORE=s3://bucket/prefix');
  }
  if (ROLE !== 'all' && QUEUE === 'memory') {
    faults.push(
      `ROLE: ${JSON.stringify(ROLE)} needs a queue that services share; write QUEUE=redis://host:port`,
    );
  }
  return faults;
}

/**
 * Reads the settings from environment variables. An empty variable counts as not set. A secret can be given as a file,
 * for instance with API_KEYS_FILE.
 *
 * @throws SettingsError that names every wrong variable
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

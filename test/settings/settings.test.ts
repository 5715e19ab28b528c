import { describe, expect, it } from 'vitest';
import { SettingsError } from '../../src/settings/error.js';
import { readSettings } from '../../src/settings/settings.js';

type Environment = Readonly<Record<string, string>>;

/** Returns the lines of the message, one for each wrong variable. */
function refusal(environment: Environment): string[] {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const DEFAULTS = {
  HOST: '127.0.0.1',
  PORT: 3000,
  ENGINE: 'auto',
  DEVICE: 'auto',
  STORE: 'data',
  STORE_MAX_BYTES: 20 * 2 ** 30,
  QUEUE: 'memory',
  ROLE: 'all',
  MAX_QUEUE: 64,
  MAX_EVENT_LOOP_DELAY_MS: 1000,
  MAX_BODY_BYTES: 16 * 2 ** 20,
  MAX_NODES: 5000,
  MAX_PARAMETERS: 2_000_000_000,
  REQUEST_TIMEOUT_MS: 300_000,
  SHUTDOWN_DELAY_MS: 0,
  RATE_LIMIT: 0,
  API_KEYS: [],
  CORS_ORIGINS: [],
  LOG_LEVEL: 'info',
  LOG_FORMAT: 'json',
};

const VALID: readonly (readonly [name: string, given: string, read: unknown])[] = [
  ['HOST', '0.0.0.0', '0.0.0.0'],
  ['PORT', '0', 0],
  ['PORT', '65535', 65_535],
  [
    'GHN_CHECKPOINTS',
    'a=/x/y.pt',
    [expect.objectContaining({ id: 'a', source: expect.objectContaining({ text: '/x/y.pt' }) })],
  ],
  [
    'GHN_CHECKPOINTS',
    '/m/ghn3tm8.pt, xl-1.0=models/ghn=3.pt,',
    [
      { id: 'ghn3tm8', source: expect.objectContaining({ text: '/m/ghn3tm8.pt' }) },
      { id: 'xl-1.0', source: expect.objectContaining({ text: 'models/ghn=3.pt' }) },
    ],
  ],
  [
    'GHN_CHECKPOINTS',
    'ghn3-xl,hf://o/r@v1/ghn2.pt,mine=hf://o/r/f.pt?normalize=std,https://h.example/d.pt?a=b',
    [
      { id: 'ghn3-xl', source: expect.anything() },
      { id: 'ghn2', source: expect.objectContaining({ text: 'hf://o/r@v1/ghn2.pt' }) },
      {
        id: 'mine',
        source: expect.objectContaining({ text: 'hf://o/r/f.pt' }),
        options: { normalize: 'std' },
      },
      { id: 'd', source: expect.objectContaining({ text: 'https://h.example/d.pt' }) },
    ],
  ],
  ['ENGINE', 'tensorflow', 'tensorflow'],
  ['ENGINE', 'onnxruntime', 'onnxruntime'],
  ['ENGINE', 'wasm', 'wasm'],
  ['DEVICE', 'cpu', 'cpu'],
  ['DEVICE', 'cuda', 'cuda'],
  ['STORE', '/var/lib/ghn-serve', '/var/lib/ghn-serve'],
  ['STORE_MAX_BYTES', '20GB', 20e9],
  ['STORE_MAX_BYTES', '1.5 TiB', 1.5 * 2 ** 40],
  ['THREADS', '3', 3],
  ['METRICS_KEY', 'scrape', ['scrape']],
  ['LOG_FORMAT', 'pretty', 'pretty'],
  ['SHUTDOWN_DELAY_MS', '5000', 5000],
  ['MAX_QUEUE', '1', 1],
  ['MAX_WAIT_MS', '500', 500],
  ['MAX_MEMORY_BYTES', '1000000000', 1e9],
  ['MAX_EVENT_LOOP_DELAY_MS', '0', 0],
  ['MAX_BODY_BYTES', '1048576', 2 ** 20],
  ['MAX_NODES', '10', 10],
  ['MAX_PARAMETERS', '1000000', 1e6],
  ['REQUEST_TIMEOUT_MS', '60000', 60_000],
  ['RATE_LIMIT', '100', 100],
  ['API_KEYS', 'one, two,,', ['one', 'two']],
  ['API_KEYS', '!~,Zm9v+/8=', ['!~', 'Zm9v+/8=']],
  ['API_KEYS', `SHA256:${'Ab'.repeat(32)}`, [`sha256:${'ab'.repeat(32)}`]],
  ['CORS_ORIGINS', 'https://a.example', ['https://a.example']],
  ['CORS_ORIGINS', 'http://a.example:8080, http://[::1]:1', ['http://a.example:8080', 'http://[::1]:1']],
  ['CORS_ORIGINS', '*', ['*']],
  ['LOG_LEVEL', 'silent', 'silent'],
];

const INVALID: readonly (readonly [name: string, given: string, message: RegExp])[] = [
  ['PORT', '65536', /65535/],
  ['PORT', '-1', /is from 0 to 65535, not -1/],
  ['PORT', '80.5', /"80.5" is not a whole number/],
  ['PORT', 'abc', /"abc" is not a whole number: write one such as 1/],
  ['GHN_CHECKPOINTS', ',', /names no checkpoint/],
  ['GHN_CHECKPOINTS', 'a=', /a has no path: write id=path/],
  ['GHN_CHECKPOINTS', 'my ghn=/x.pt', /the id "my ghn" of \/x\.pt may contain only letters, digits/],
  ['GHN_CHECKPOINTS', '=/x.pt', /the id "" of \/x\.pt/],
  ['GHN_CHECKPOINTS', '/a/ghn.pt,/b/ghn.pt', /two checkpoints have the id ghn: name them with id=path/],
  ['GHN_CHECKPOINTS', 'hf://o/r', /hf:\/\/o\/r: names no file; write hf:\/\/owner\/repository/],
  ['ENGINE', 'torch', /"auto"\|"tensorflow"\|"onnxruntime"\|"wasm"/],
  ['DEVICE', 'gpu', /"auto"\|"cpu"\|"cuda"/],
  ['STORE', 's3://b', /is not a bucket: write s3:\/\/bucket or s3:\/\/bucket\/prefix, or give a directory/],
  ['STORE', 's3://bucket/a b', /is not a bucket/],
  ['S3_ENDPOINT', 'localhost:7070', /is not an address: write http:\/\/host:port/],
  [
    'S3_ENDPOINT',
    'http://localhost:7070',
    /neither the store nor a checkpoint is in a bucket; write STORE=s3:/,
  ],
  ['STORE_MAX_BYTES', '20 parsecs', /not a number of bytes: write 20000000000, 20GB or 20GiB/],
  ['STORE_MAX_BYTES', '-1', /number of bytes/],
  ['STORE_MAX_BYTES', '0', /at least 1048576 bytes/],
  ['STORE_MAX_BYTES', '20', /at least 1048576 bytes: write .* a unit such as 20GiB/],
  ['QUEUE', 'localhost:6379', /is not a queue: write memory, redis:\/\/host:port/],
  ['QUEUE', 'redis://localhost', /must share a store; write STORE=s3:/],
  ['ROLE', 'worker', /"worker" needs a queue that services share; write QUEUE=redis:/],
  ['ROLE', 'boss', /"all"\|"api"\|"worker"/],
  ['METRICS_KEY', 'a,b', /must be exactly one key/],
  ['MAX_QUEUE', '0', /1/],
  ['MAX_WAIT_MS', '0', /1/],
  ['MAX_MEMORY_BYTES', '1', /at least/],
  ['MAX_BODY_BYTES', 'NaN', /number/],
  ['MAX_NODES', '2.5', /whole number/],
  ['MAX_PARAMETERS', '0', /1/],
  ['REQUEST_TIMEOUT_MS', '3000000000', /2000000000/],
  ['RATE_LIMIT', '-5', /0/],
  ['RATE_LIMIT', ' ', /blank/],
  ['MAX_BODY_BYTES', '\t', /blank/],
  ['MAX_WAIT_MS', ' ', /blank/],
  ['API_KEYS', ',', /has no key/],
  ['API_KEYS', ' ', /has no key/],
  [
    'API_KEYS',
    `a,sha256:${'a'.repeat(63)}`,
    /the key at position 2 begins with sha256: and needs the 64 hex/,
  ],
  ['API_KEYS', `sha256:${'g'.repeat(64)}`, /position 1 begins with sha256:/],
  ['API_KEYS', 'my key', /position 1 cannot be sent by any client: .* visible ASCII/],
  ['API_KEYS', 'a,b,schlüssel', /position 3 cannot be sent by any client/],
  ['CORS_ORIGINS', ',', /names no origin/],
  [
    'CORS_ORIGINS',
    'https://a.example/',
    /"https:\/\/a.example\/" is not an origin: write https:\/\/a\.example$/,
  ],
  ['CORS_ORIGINS', 'https://A.example:443/x', /write https:\/\/a\.example$/],
  ['CORS_ORIGINS', 'a.example', /write an origin such as https:\/\/lab\.example, or \*$/],
  ['CORS_ORIGINS', 'localhost:3000', /write an origin such as/],
  ['CORS_ORIGINS', 'https://*.example', /write/],
  ['LOG_LEVEL', 'loud', /"info"/],
];

describe('the settings', () => {
  it('each have a default, except for the checkpoints, which are in the package', () => {
    expect(readSettings({})).toEqual(DEFAULTS);
  });

  it('treat an empty variable as not set', () => {
    const empty = Object.fromEntries([...Object.keys(DEFAULTS), 'GHN_CHECKPOINTS'].map((name) => [name, '']));
    expect(readSettings(empty)).toEqual(DEFAULTS);
  });

  it('ignore other variables', () => {
    expect(readSettings({ PATH: '/bin', port: '1', ENGINES: 'x' })).toEqual(DEFAULTS);
  });

  it.each(VALID)('read %s=%s', (name, given, read) => {
    expect(readSettings({ [name]: given })).toEqual({ ...DEFAULTS, [name]: read });
  });

  it.each(INVALID)('refuse %s=%s', (name, given, message) => {
    const lines = refusal({ [name]: given });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${name}: `));
    expect(lines[0]).toMatch(message);
  });

  it('do not reveal a key that they refuse', () => {
    const [line] = refusal({ API_KEYS: 'my secret,sha256:abc' });
    expect(line).not.toMatch(/secret|abc/);
  });

  it('name every variable that is wrong', () => {
    const lines = refusal({ PORT: 'x', ENGINE: 'torch', STORE: 's3://b', MAX_QUEUE: '4' });
    expect(lines.map((line) => line.split(':')[0])).toEqual(['PORT', 'ENGINE', 'STORE']);
  });
});

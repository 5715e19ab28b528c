import fc from 'fast-check';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

const position = fc.oneof(
  { weight: 6, arbitrary: fc.nat(4000).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '-',
      '+1',
      '-1',
      '1.5',
      '1e3',
      '0x10',
      '00',
      '9'.repeat(30),
      'NaN',
      'Infinity',
    ),
  },
);

const range = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(position, position).map((ends) => ends.join('-')) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '-0',
      '0-0',
      '0-',
      '-1',
      '  0 - 1 ',
      '',
      '0--1',
      '-'.repeat(500),
      '0-'.repeat(400),
    ),
  },
);

const rangeHeader = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        fc.constantFrom('bytes', 'bytes', 'bytes', 'Bytes', 'lines', '', 'bytes '),
        fc.array(range, { minLength: 1, maxLength: 12 }),
      )
      .map(([unit, all]) => `range: ${unit}=${all.join(',')}\r\n`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('0-0', '-1', '5-', ',', '-', ' ', '=', '0-1, '), fc.nat(9000))
      .map(([unit, times]) => `range: bytes=${unit.repeat(times / unit.length)}\r\n`),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }).map((text) => `range: ${text}\r\n`) },
);

const condition = fc
  .tuple(
    fc.constantFrom('if-range', 'if-match', 'if-none-match'),
    fc.oneof(
      fc.constantFrom(
        '{etag}',
        'W/{etag}',
        '*',
        '"other"',
        '',
        'Tue, 24 Nov 2026 08:00:00 GMT',
        '{etag}, "other"',
      ),
      fc.string({ maxLength: 30 }),
    ),
  )
  .map(([name, value]) => `${name}: ${value}\r\n`);

/** Lines of a request's head that ask for a byte range. */
export const ranges: fc.Arbitrary<Buffer> = fc
  .tuple(rangeHeader, fc.array(condition, { maxLength: 2 }))
  .map(([first, more]) => latin1([first, ...more].join('')));

const id = fc.oneof(
  { weight: 8, arbitrary: fc.constant('{id}') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('..', '%2e%2e', '%00', '__proto__', '%', '%ff', 'a'.repeat(300), '{id}%20'),
  },
);

const tensor = fc.oneof(
  fc.constantFrom(
    'conv/kernel',
    'conv%2Fkernel',
    '*',
    'dense*',
    '%2a',
    '..%2f..%2fetc%2fpasswd',
    '',
    '%5c',
    '__proto__',
  ),
  fc.string({ maxLength: 12 }).map(encodeURIComponent),
);

const integer = fc.oneof(
  fc.nat(10).map(String),
  fc.constantFrom(
    '',
    '-1',
    '1.5',
    '1e3',
    '0x3',
    '9'.repeat(400),
    'NaN',
    'Infinity',
    '999999',
    '1000000',
    ' 1',
    'null',
  ),
);

const word = fc.oneof(
  fc.constantFrom('F32', 'BF16', 'F16', 'safetensors', 'npz', 'tiled', 'succeeded', 'x', ''),
  fc.string({ maxLength: 20 }).map(encodeURIComponent),
);

const cursor = fc.oneof(
  fc.stringMatching(/^\d{1,20}\.[0-9a-f]{10,70}$/).map((text) => Buffer.from(text).toString('base64url')),
  word,
);

const parameter = fc
  .oneof(
    fc.tuple(fc.constantFrom('rank', 'world_size', 'dim', 'limit', 'num_classes'), integer),
    fc.tuple(fc.constantFrom('rank', 'world_size'), fc.nat(4).map(String)),
    fc.tuple(fc.constantFrom('format', 'dtype', 'status', 'architecture', 'ghn'), word),
    fc.tuple(
      fc.constant('tensors'),
      fc.array(tensor, { maxLength: 8 }).map((all) => all.join(',')),
    ),
    fc.tuple(
      fc.constant('tensors'),
      fc.nat(9000).map((length) => '*a'.repeat(length / 2)),
    ),
    fc.tuple(fc.constant('cursor'), cursor),
    fc.tuple(fc.constantFrom('__proto__', 'constructor', 'tensors[]', 'rank[0]', ''), word),
  )
  .map((pair) => pair.join('='));

const path = fc.oneof(
  { weight: 6, arbitrary: id.map((given) => `/predictions/${given}/weights`) },
  { weight: 3, arbitrary: fc.constant('/predictions') },
  {
    weight: 2,
    arbitrary: fc.tuple(id, tensor).map(([given, name]) => `/predictions/${given}/tensors/${name}`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        id,
        fc.constantFrom('', '/statistics', '/architecture', '/tfjs/model.json', '/tfjs/..%2fx', '/events'),
      )
      .map(([given, rest]) => `/predictions/${given}${rest}`),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('resnet18', 'resnet-18', '..%2findex', '__proto__', '%', '%c0%af')
      .map((name) => `/architectures/${name}`),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }).map((text) => `/${text}`) },
);

/** Request targets of a GET: a path and its query. */
export const targets: fc.Arbitrary<Buffer> = fc
  .tuple(path, fc.array(parameter, { maxLength: 5 }))
  .map(([where, query]) => latin1(query.length > 0 ? `${where}?${query.join('&')}` : where));

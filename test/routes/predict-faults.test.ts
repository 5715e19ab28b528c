import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyGraph } from '../architecture/fixtures.js';
import { metric } from '../helpers/http.js';
import { expectProblem } from '../helpers/problems.js';
import { buildTestService, startService, type TestService } from '../helpers/service.js';

let service: TestService;
beforeAll(async () => {
  service = await startService({ MAX_BODY_BYTES: '20000', MAX_NODES: '20', MAX_PARAMETERS: '100000' });
});
afterAll(() => service.stop());

const predict = () => request(service.url).post('/predict');

/** A graph whose values may violate the types. */
interface Untyped {
  [key: string]: unknown;
  nodes: { [key: string]: unknown }[];
  edges: unknown[];
}

/** Returns the API's example after a change, which may violate the schema's types. */
function changed(change: (graph: Untyped) => void): Untyped {
  const graph = tinyGraph() as Untyped;
  change(graph);
  return graph;
}

const NO_SHAPE = /^a shape is an array of 1 to 4 positive integers/;

type Faults = readonly (readonly [path: string, message: string | RegExp])[];

/** Bodies that are JSON but invalid requests, with the place of every fault. */
const INVALID: readonly (readonly [title: string, body: unknown, faults: Faults])[] = [
  ['no object', 1, [['', 'expected an object, not 1']]],
  ['null', null, [['', 'expected an object, not null']]],
  ['no architecture', {}, [['/architecture', /^expected an architecture.*and there is none$/]]],
  ['an architecture of no form', { architecture: {} }, [['/architecture', /^expected an architecture/]]],
  [
    'an unknown key',
    { architecture: tinyGraph(), dtypo: 'F16', 'a/b~c': 1 },
    [
      ['/dtypo', /^unknown key; did you mean "dtype"\? \(the request has architecture, num_classes, ghn/],
      ['/a~1b~0c', /^unknown key/],
    ],
  ],
  [
    'options of other types and values',
    {
      architecture: tinyGraph(),
      ghn: 3,
      predict_classifier: 'no',
      seed: -1,
      dtype: 'F64',
      format: 'pickle',
      num_classes: 0,
    },
    [
      ['/num_classes', /1/],
      ['/ghn', 'expected a string, not 3'],
      ['/predict_classifier', 'expected a boolean, not "no"'],
      ['/seed', /0/],
      ['/dtype', /"F32"\|"F16"\|"BF16"/],
      ['/format', /"safetensors"\|"tiled"\|"npz"/],
    ],
  ],
  ['a seed that JSON cannot carry exactly', { architecture: tinyGraph(), seed: 2 ** 53 }, [['/seed', /./]]],
  [
    'faulty post-processing',
    {
      architecture: tinyGraph(),
      postprocess: { noise: -0.1, orthogonalize: 1, from_layer: 1.5, min_channels: -2, seed: 'x', beta: 1 },
    },
    [
      ['/postprocess/noise', /0/],
      ['/postprocess/orthogonalize', 'expected a boolean, not 1'],
      ['/postprocess/from_layer', /int/],
      ['/postprocess/min_channels', /0/],
      ['/postprocess/seed', /^expected an? .*, not "x"$/],
      ['/postprocess/beta', /^unknown key; postprocess has noise, orthogonalize, from_layer/],
    ],
  ],
  [
    'num_classes with an architecture of one’s own',
    { architecture: tinyGraph(), num_classes: 10 },
    [['/num_classes', 'is allowed only with the name of an architecture']],
  ],
  [
    'BF16 as npz',
    { architecture: tinyGraph(), format: 'npz', dtype: 'BF16' },
    [['/dtype', /npz has no BF16: take F32 or F16, or the format safetensors or tiled/]],
  ],
  [
    'tiled with post-processing',
    { architecture: tinyGraph(), format: 'tiled', postprocess: { orthogonalize: true } },
    [['/format', /post-processed weights cannot be tiled: take safetensors or npz/]],
  ],
  [
    'an unknown op',
    { architecture: changed((graph) => (graph.nodes[1]!.op = 'convv')) },
    [['/architecture/nodes/1/op', /^unknown op "convv"; did you mean "conv"\?/]],
  ],
  [
    'an unknown layer type',
    { architecture: { name: 'net', layers: [{ name: 'a', type: 'Conv2dd' }] } },
    [['/architecture/layers/0/type', /Conv2d/]],
  ],
  [
    'a duplicate id',
    { architecture: changed((graph) => graph.nodes.push({ id: 'gap', op: 'sum' })) },
    [['/architecture/nodes/7/id', 'duplicate id "gap": node 4 has it too']],
  ],
  [
    'a duplicate tensor name',
    {
      architecture: changed((graph) => {
        graph.nodes[2]!.bias = { name: 'conv1.weight', shape: [16] };
      }),
    },
    [['/architecture/nodes/2/bias/name', 'duplicate tensor name "conv1.weight": conv "conv1" owns it too']],
  ],
  [
    'an edge to nowhere',
    { architecture: changed((graph) => (graph.edges[1] = ['conv1', 'bn'])) },
    [['/architecture/edges/1/1', '"bn" is not the id of a node; did you mean "bn1"?']],
  ],
  [
    'a cycle',
    { architecture: changed((graph) => graph.edges.push(['gap', 'conv1'])) },
    [['/architecture/edges/6', /^a cycle: "conv1" → "bn1" → "pool" → "gap" → "conv1"/]],
  ],
  [
    'no input',
    {
      architecture: changed((graph) => {
        graph.nodes[0]!.op = 'sum';
      }),
    },
    [['/architecture/nodes', /^there is no node of op input/]],
  ],
  [
    'two inputs',
    { architecture: changed((graph) => graph.nodes.push({ id: 'other', op: 'input' })) },
    [['/architecture/nodes/7/op', /^a second input, "other", besides "input"/]],
  ],
  ...(
    [
      [[], '', NO_SHAPE],
      [[16, 3, 3, 3, 3], '', NO_SHAPE],
      ['x', '', NO_SHAPE],
      [null, '', NO_SHAPE],
      [[0, 3], '/0', 'must be a positive integer'],
      [[1.5, 2], '/0', 'must be a positive integer, not 1.5'],
      [[16, '3'], '/1', /^must be a positive integer/],
    ] as const
  ).map(
    ([shape, place, message]) =>
      [
        `the shape ${JSON.stringify(shape)}`,
        { architecture: changed((graph) => (graph.nodes[1]!.weight = { name: 'w', shape })) },
        [[`/architecture/nodes/1/weight/shape${place}`, message]],
      ] as const,
  ),
  [
    'a shape that does not fit its op',
    { architecture: changed((graph) => (graph.nodes[1]!.weight = { name: 'w', shape: [16] })) },
    [
      [
        '/architecture/nodes/1/weight/shape',
        /conv "conv1" has shape \[16\]; expected \[o, i\] or \[o, i, kh, kw\]/,
      ],
    ],
  ],
  [
    'layers whose sizes do not fit each other',
    {
      architecture: {
        name: 'net',
        layers: [
          { name: 'conv', type: 'Conv2d', in_channels: 3, out_channels: 16, kernel_size: 3 },
          { name: 'bn', type: 'BatchNorm2d', num_features: 8 },
        ],
      },
    },
    [['/architecture/layers/1/num_features', /16/]],
  ],
  [
    'more nodes than the server takes',
    {
      architecture: changed((graph) => {
        for (let k = 0; k < 20; k++) graph.nodes.push({ id: `more${k}`, op: 'sum' });
      }),
    },
    [['/architecture/nodes', '27 nodes, more than the 20 that this server takes (MAX_NODES)']],
  ],
  [
    'more parameters than the server takes',
    { architecture: changed((graph) => (graph.nodes[1]!.weight = { name: 'w', shape: [1000, 1000, 3, 3] })) },
    [
      [
        '/architecture/nodes',
        /^9000202 parameters, more than the 100000 that this server takes \(MAX_PARAMETERS\)$/,
      ],
    ],
  ],
  [
    'a state dict without a tensor of the nodes',
    { architecture: changed((graph) => (graph.state_dict = [])) },
    [
      ['/architecture/nodes/1/weight/name', /^"conv1.weight" is not in state_dict/],
      ['/architecture/nodes/2/weight/name', /./],
      ['/architecture/nodes/2/bias/name', /./],
      ['/architecture/nodes/5/weight/name', /./],
      ['/architecture/nodes/6/bias/name', /./],
    ],
  ],
  [
    'faults of the request and of the architecture together',
    { architecture: changed((graph) => (graph.nodes[3]!.kernel = [0, 2])), dtype: 'F8' },
    [
      ['/dtype', /F32/],
      ['/architecture/nodes/3/kernel/0', 'must be a positive integer'],
    ],
  ],
];

describe('422 names the place and the remedy of', () => {
  it.each(INVALID)('%s', async (_, body, errors) => {
    const answer = await predict().send(JSON.stringify(body)).type('json');
    expectProblem(answer, 422, { errors });
  });

  it('a hundred faults, and says that there are more', async () => {
    const edges = Array.from({ length: 400 }, () => ['a', 'b']);
    const { body } = await predict().send({ architecture: { ...tinyGraph(), edges } });
    expect(body.errors).toHaveLength(101);
    expect(body.errors[100].message).toMatch(/more than these 100 faults/);
  });
});

describe('400', () => {
  it.each([
    ['{"architecture": ', /^The body is not JSON: /],
    ['{"architecture": {"__proto__": {}}}', /^The body is not JSON: .*prototype/],
    ['', /^The body is empty: JSON is expected/],
    ['  ', /^The body is empty/],
    ['NaN', /^The body is not JSON/],
  ])('is the answer to %j', async (body, detail) => {
    const answer = await predict().set('content-type', 'application/json').send(body);
    expectProblem(answer, 400, { detail });
  });

  it('is the answer to a path that is badly encoded', async () => {
    expectProblem(await request(service.url).get('/predictions/%zz'), 400, { detail: /%zz/ });
  });
});

describe('404', () => {
  it('names the nearest GHNs', async () => {
    const answer = await predict().send({ architecture: tinyGraph(), ghn: 'ghn3-nanno' });
    expectProblem(answer, 404, {
      detail: /^no GHN has the id "ghn3-nanno"; did you mean "ghn3-nano".*\(loaded: ghn3-nano, ghn2-nano\)$/,
    });
  });

  it('names the nearest architectures', async () => {
    const answer = await predict().send({ architecture: 'resnet51' });
    expectProblem(answer, 404, { detail: /"resnet51".*"resnet50"/ });
  });

  it('names what does not exist', async () => {
    expectProblem(await request(service.url).get('/predictor?x=1'), 404, {
      detail: 'Nothing is at GET /predictor?x=1.',
    });
  });
});

describe('405', () => {
  it.each([
    ['GET', '/predict', 'POST'],
    ['PUT', '/predict', 'POST'],
    ['POST', '/ghns', 'GET, HEAD'],
    ['DELETE', '/livez', 'GET, HEAD'],
    ['PATCH', '/predictions/abc', 'DELETE, GET, HEAD'],
    ['POST', '/predictions/abc/weights', 'GET, HEAD'],
    ['PUT', '/openapi.json', 'GET, HEAD'],
  ])('is the answer to %s %s, with the allowed methods', async (method, path, allow) => {
    const response = await fetch(service.url + path, { method });
    const answer = {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.json(),
    };
    expectProblem(answer, 405, { detail: `${method} is not a method of this path; it has ${allow}.` });
    expect(answer.headers.allow).toBe(allow);
  });

  it('comes before faults of the body', async () => {
    const answer = await request(service.url).put('/predict').type('form').send('a=b');
    expectProblem(answer, 405);
  });
});

it('413 is the answer to a body that is too large, with or without a length', async () => {
  const body = JSON.stringify({ architecture: { ...tinyGraph(), name: 'x'.repeat(20_000) } });
  expectProblem(await predict().type('json').send(body), 413, { detail: /MAX_BODY_BYTES/ });
  const response = await fetch(`${service.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new Blob([body]).stream(),
    duplex: 'half',
  } as RequestInit);
  expect(response.status).toBe(413);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
});

it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'application/octet-stream'])(
  '415 is the answer to %s, and names the accepted types',
  async (type) => {
    const answer = await predict()
      .set('content-type', type)
      .send(JSON.stringify({ architecture: tinyGraph() }));
    const detail =
      'The body must be JSON, with content-type: application/json; the service does not read files of networks or weights.';
    expectProblem(answer, 415, { detail });
  },
);

it.each(['application/json; charset=utf-8', 'application/JSON'])('a body of %s is read', async (type) => {
  const answer = await predict()
    .set('content-type', type)
    .send(JSON.stringify({ architecture: tinyGraph() }));
  expect(answer.status).toBe(200);
});

it('none of these requests reaches the engine', async () => {
  const computed = await metric(service.url, 'ghn_serve_computations_total', 'ghn="ghn3-nano"');
  await predict().send({ architecture: {} });
  await predict().send({ architecture: tinyGraph(), ghn: 'other' });
  expect(await metric(service.url, 'ghn_serve_computations_total', 'ghn="ghn3-nano"')).toBe(computed);
});

it('503 is the answer before the GHNs are loaded, with the time to try again', async () => {
  const early = await buildTestService();
  try {
    const url = await early.service.app.listen({ host: '127.0.0.1', port: 0 });
    for (const answer of [
      await request(url).post('/predict').send({ architecture: tinyGraph() }),
      await request(url).get('/ghns'),
      await request(url).get('/readyz'),
    ]) {
      expectProblem(answer, 503, { detail: /loaded/ });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await request(url).get('/livez')).status).toBe(200);
  } finally {
    await early.stop();
  }
});

it.each([
  ['a .keras or .pt file', 'PK\u0003\u0004\u0014\0', /^The body is not JSON but a zip archive/],
  [
    'an HDF5 file',
    Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a]),
    /^The body is not JSON but an HDF5 file/,
  ],
  ['an ONNX file', Buffer.from([0x08, 0x08, 0x12, 0x07, 0x70]), /^The body is not JSON but an ONNX file/],
])('400 names %s that is sent as JSON', async (_, body, detail) => {
  const response = await fetch(`${service.url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(response.status).toBe(400);
  expect(((await response.json()) as { detail: string }).detail).toMatch(detail);
});

import { describe, expect, it } from 'vitest';
import { meanBetween, readMetrics, total } from '../../web/src/app/metrics.js';
import { fitWidth, pan, zoom } from '../../web/src/graph/camera.js';
import { blockDepth, blockDrawing, plainDrawing } from '../../web/src/graph/drawing.js';
import { longestPathLayers, simpleLayout } from '../../web/src/graph/layers.js';
import { analyseRows } from '../../web/src/numeric/rows.js';
import { readPasted } from '../../web/src/views/pasted.js';
import { INITIAL_OPTIONS, requestOf, settle } from '../../web/src/views/request-form.js';
import { predictSamples } from '../../web/src/views/samples.js';

const graph = {
  name: 'residual',
  nodes: [
    { id: 'input', op: 'input' as const },
    { id: 'stage.0.conv', op: 'conv' as const },
    { id: 'stage.0.bn', op: 'bn' as const },
    { id: 'stage.1.conv', op: 'conv' as const },
    { id: 'sum', op: 'sum' as const },
  ],
  edges: [
    ['input', 'stage.0.conv'],
    ['stage.0.conv', 'stage.0.bn'],
    ['stage.0.bn', 'stage.1.conv'],
    ['stage.1.conv', 'sum'],
    ['stage.0.bn', 'sum'],
  ] as [string, string][],
};

describe('the drawing of a graph', () => {
  it('merges the nodes of a block, and keeps the edges between blocks', () => {
    const { boxes, edges } = blockDrawing(graph, 2, new Set());
    expect(boxes.map(({ id, nodes }) => [id, nodes.length])).toEqual([
      ['input', 1],
      ['block stage.0', 2],
      ['block stage.1', 1],
      ['sum', 1],
    ]);
    expect(edges).toContainEqual(['block stage.0', 'sum']);
  });

  it('shows the nodes of an open block', () => {
    const { boxes } = blockDrawing(graph, 1, new Set(['stage']));
    expect(boxes).toHaveLength(plainDrawing(graph).boxes.length);
  });

  it('chooses blocks that are few enough to be readable', () => {
    const nodes = Array.from({ length: 400 }, (_, k) => ({
      id: `stage${k % 4}.${k}.conv`,
      op: 'conv' as const,
    }));
    const edges = nodes.slice(1).map(({ id }, k): [string, string] => [nodes[k].id, id]);
    expect(blockDepth({ name: 'long', nodes, edges })).toBe(1);
  });

  it('puts each box below those that lead to it', () => {
    const question = { ids: graph.nodes.map(({ id }) => id), edges: graph.edges };
    expect(longestPathLayers(question)).toEqual([0, 1, 2, 3, 4]);
    const { y, lines } = simpleLayout(question);
    expect([...y]).toEqual([...y].sort((a, b) => a - b));
    expect(lines).toHaveLength(graph.edges.length);
  });
});

describe('the camera', () => {
  const window = { width: 800, height: 400 };
  it('keeps the point under the pointer in place', () => {
    const before = fitWidth({ width: 1600, height: 9000 }, window);
    const at = { x: 100, y: 50 };
    const after = zoom(before, 2, at, window);
    const pointOf = (camera: typeof before) => camera.x + (at.x - window.width / 2) / camera.scale;
    expect(pointOf(after)).toBeCloseTo(pointOf(before));
    expect(after.scale).toBeCloseTo(2 * before.scale);
  });

  it('moves by pixels of the window', () => {
    expect(pan({ x: 0, y: 0, scale: 0.5 }, 10, -20)).toEqual({ x: -20, y: 40, scale: 0.5 });
  });
});

describe('a pasted text', () => {
  it('is recognised by its keys, and its faults are located in it', () => {
    expect(readPasted(JSON.stringify(graph))).toMatchObject({
      kind: 'graph',
      pointerPrefix: '/architecture',
    });
    expect(readPasted('{"class_name": "Sequential", "config": {}}')).toMatchObject({
      kind: 'Keras model',
      architecture: { keras: { class_name: 'Sequential' } },
      pointerPrefix: '/architecture/keras',
    });
    expect(readPasted('{"architecture": "resnet50", "seed": 3}')).toMatchObject({
      kind: 'request',
      options: { seed: 3 },
      pointerPrefix: '',
    });
    expect(() => readPasted('{')).toThrow(SyntaxError);
  });
});

describe('the form', () => {
  it('omits defaults, and sends the number of classes only with a name', () => {
    expect(requestOf('resnet50', { ...INITIAL_OPTIONS, numClasses: '10' })).toEqual({
      architecture: 'resnet50',
      num_classes: 10,
    });
    expect(requestOf(graph, { ...INITIAL_OPTIONS, numClasses: '10', dtype: 'F16' })).toEqual({
      architecture: graph,
      dtype: 'F16',
    });
    expect(requestOf(graph, { ...INITIAL_OPTIONS, skipsUnsupported: true })).toEqual({
      architecture: graph,
      unsupported: 'skip',
    });
  });

  it('drops a format that cannot be combined with the rest', () => {
    expect(settle({ ...INITIAL_OPTIONS, format: 'tiled', isPostprocessed: true }).format).toBe('safetensors');
    expect(settle({ ...INITIAL_OPTIONS, format: 'npz', dtype: 'BF16' }).format).toBe('safetensors');
    expect(settle({ ...INITIAL_OPTIONS, format: 'npz' }).format).toBe('npz');
  });
});

describe('the samples', () => {
  it('use Python’s words, and quote for the shell', () => {
    const samples = predictSamples('http://host:3000', { architecture: "it's", predict_classifier: false });
    expect(samples.find(({ language }) => language === 'Python')!.code).toContain(
      '"predict_classifier": False',
    );
    expect(samples[0].code).toContain(`it'\\''s`);
  });

  it('read a large architecture from a file', () => {
    const large = {
      ...graph,
      nodes: Array.from({ length: 50 }, (_, k) => ({ id: `n${k}`, op: 'sum' as const })),
    };
    for (const { code } of predictSamples('http://host', { architecture: large, seed: 1 }))
      expect(code).toContain('architecture.json');
  });
});

describe('metrics', () => {
  const text = (count: number, sum: number) =>
    `# HELP x\nseconds_count{route="/predict"} ${count}\nseconds_sum{route="/predict"} ${sum}\nbytes 5\n`;
  it('are parsed from Prometheus’ text', () => {
    expect(readMetrics(text(2, 0.5))).toContainEqual({
      name: 'seconds_count',
      labels: { route: '/predict' },
      value: 2,
    });
    expect(total(readMetrics(text(2, 0.5)), 'bytes')).toBe(5);
    expect(total([], 'bytes')).toBeNull();
  });

  it('give the mean between two scrapes', () => {
    const [before, after] = [readMetrics(text(2, 0.5)), readMetrics(text(4, 1.5))];
    expect(meanBetween(before, after, 'seconds', { route: '/predict' })).toBe(0.5);
    expect(meanBetween(before, before, 'seconds', {})).toBeNull();
  });
});

describe('rows of a weight', () => {
  it('have singular values and cosines', () => {
    const { singularValues, cosines } = analyseRows(Float32Array.of(3, 0, 0, 4, 3, 0), 3, 2);
    expect(singularValues[0]).toBeCloseTo(Math.sqrt(18));
    expect(singularValues[1]).toBeCloseTo(4);
    expect(singularValues[2]).toBeCloseTo(0);
    expect([...cosines]).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });
});

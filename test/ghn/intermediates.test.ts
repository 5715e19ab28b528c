import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distances } from '../../src/architecture/distances.js';
import { buildArchitecture } from '../../src/architecture/graph.js';
import type { Engine } from '../../src/engine/engine.js';
import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { type NodeEmbeddings, nodeInput } from '../../src/ghn/node-input.js';
import { ShapeTables } from '../../src/ghn/shape-tables.js';
import { fixtureGraph, LIMITS } from '../architecture/fixtures.js';
import { ENGINES } from '../engine/engines.js';
import { parseSafetensors } from '../format/files.js';
import { checkpointFile } from '../helpers/service.js';
import { loadNano } from './loaded.js';

const ARCHITECTURE = buildArchitecture(fixtureGraph('resnet18-10'), LIMITS);
const DISTANCES = distances(ARCHITECTURE);

/** Returns the intermediate results of the authors' code, as float32. */
function intermediates(ghn: string): ReadonlyMap<string, Float32Array> {
  const file = new URL(`../fixtures/intermediates/${ghn}.resnet18-10.safetensors`, import.meta.url);
  return new Map(
    parseSafetensors(readFileSync(file)).tensors.map(({ name, bytes }) => [
      name,
      new Float32Array(bytes.slice().buffer),
    ]),
  );
}

/** Returns the embeddings of a checkpoint, in the form that the loader gives to the node input. */
async function embeddings(ghn: string): Promise<NodeEmbeddings> {
  const { config, weights } = await readCheckpoint(checkpointFile(`${ghn}.pt`));
  const embedding = (name: string) => {
    const { data, shape } = weights.get(`${name}.weight`)!;
    return { data, rows: shape[0], columns: shape[1] };
  };
  return {
    op: embedding('embed'),
    channel: embedding('shape_enc.embed_channel'),
    spatial: embedding('shape_enc.embed_spatial'),
    centrality:
      config.family === 'ghn3'
        ? {
            in: embedding('centrality_embed_in'),
            out: embedding('centrality_embed_out'),
            inputDistance: embedding('input_dist_embed'),
          }
        : null,
  };
}

function largestError(values: Float32Array, expected: Float32Array): number {
  expect(values).toHaveLength(expected.length);
  return expected.reduce((worst, value, k) => Math.max(worst, Math.abs(values[k] - value)), 0);
}

describe.each(['ghn3-nano', 'ghn2-nano'])('a ResNet-18 by %s', (ghn) => {
  const expected = intermediates(ghn);
  let tables: NodeEmbeddings;
  beforeAll(async () => {
    tables = await embeddings(ghn);
  });

  it('has the same node input as in the authors’ code', () => {
    const x0 = nodeInput(ARCHITECTURE, DISTANCES, { ...tables, centrality: null }, new ShapeTables(10, 11));
    expect(largestError(x0, expected.get('node_input')!)).toBeLessThan(1e-6);
  });

  describe.each(ENGINES)('on $title', ({ create }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await create();
    });
    afterAll(() => engine.dispose());

    it('has the same embedding as in the authors’ code', async () => {
      const loaded = await loadNano(`${ghn}.pt`, engine);
      const input = nodeInput(ARCHITECTURE, DISTANCES, tables, new ShapeTables(10, 11));
      const states = await engine.scope(async () => (await loaded.encode(input, DISTANCES)).slice());
      expect(largestError(states, expected.get('embedding')!)).toBeLessThan(2e-5);
    });
  });
});

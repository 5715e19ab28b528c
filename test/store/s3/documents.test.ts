import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/architecture/schema.js';
import { JsonText, parsed } from '../../../src/json-text.js';
import { planBlocks } from '../../../src/store/blocks/manifest.js';
import { readMeta, readRemains, sealMeta, sealRemains } from '../../../src/store/s3/documents.js';
import { StoreCorruptError } from '../../../src/store/store.js';
import { tinyGraph } from '../../architecture/fixtures.js';
import { samplePrediction } from '../samples.js';

const { record, tensors } = samplePrediction(1);
const manifest = { ...planBlocks(tensors), crc32: '00000000' };

/** Keys and texts like those between which a document is taken apart. */
const tricky = { record: 1, text: '{"record":2},"record":3,"kerasModel":4', kerasModel: { architecture: 5 } };

const graph = tinyGraph() as Graph;
const SMALL = { architecture: graph, kerasModel: tricky };
const LARGE = { architecture: graph, kerasModel: { ...tricky, filler: 'x'.repeat(2 ** 18) } };
const WITHOUT = { architecture: { ...graph, name: 'x'.repeat(2 ** 18) }, kerasModel: undefined };

const values = ({ architecture, kerasModel }: { architecture: Graph | JsonText; kerasModel?: unknown }) => ({
  architecture: parsed(architecture),
  kerasModel: parsed(kerasModel),
});

describe('a document with an architecture', () => {
  it.each([
    ['small', SMALL, false],
    ['large', LARGE, true],
    ['large, not given as Keras', WITHOUT, true],
  ])('is read as it was written, a large one as texts: %s', (_, kept, isText) => {
    const meta = readMeta(sealMeta({ manifest, ...kept }), record.id);
    expect(meta.manifest).toEqual(manifest);
    expect(values(meta)).toEqual(kept);
    const remains = readRemains(sealRemains({ record, ...kept }), record.id);
    expect(remains.record).toEqual(record);
    expect(values(remains)).toEqual(kept);
    for (const { architecture } of [meta, remains]) expect(architecture instanceof JsonText).toBe(isText);
    // A document that was read as texts can be written again.
    expect(values(readMeta(sealMeta(meta), record.id))).toEqual(kept);
    expect(values(readRemains(sealRemains(remains), record.id))).toEqual(kept);
  });

  it('is refused if a byte differs, large or small', () => {
    for (const kept of [SMALL, LARGE]) {
      const bytes = sealRemains({ record, ...kept });
      bytes[bytes.length >> 1] ^= 1;
      expect(() => readRemains(bytes, record.id)).toThrow(StoreCorruptError);
    }
  });
});

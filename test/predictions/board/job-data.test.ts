import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/architecture/schema.js';
import { JsonText } from '../../../src/json-text.js';
import { packed, unpacked } from '../../../src/predictions/board/bull/job-data.js';
import { tinyGraph } from '../../architecture/fixtures.js';
import { samplePrediction } from '../../store/samples.js';

const { record } = samplePrediction(1);
const graph = tinyGraph() as Graph;
const throughRedis = async (data: unknown) => unpacked(JSON.parse(JSON.stringify(data)));

describe("a job's data in Redis", () => {
  it('contains small architectures directly', async () => {
    const data = await packed({ record, architecture: graph, kerasModel: { layers: [] } });
    expect(data).toEqual({ record, architecture: graph, kerasModel: { layers: [] } });
    expect(await throughRedis(data)).toEqual({ record, architecture: graph, kerasModel: { layers: [] } });
  });

  it('contains large ones compressed, and returns them as the same texts', async () => {
    const architecture = JsonText.of({ ...graph, name: 'x'.repeat(1e6) });
    const kerasModel = JsonText.of({ text: 'é'.repeat(1e6) });
    const data = await packed({ record, architecture, kerasModel });
    expect(JSON.stringify(data).length).toBeLessThan(1e5);
    const again = await throughRedis(data);
    expect(again).toEqual({ record, architecture, kerasModel });
    expect(again.architecture).toBeInstanceOf(JsonText);
  });

  it('is refused if it cannot be decompressed, or exceeds the size of any architecture', async () => {
    const bomb = deflateRawSync(Buffer.alloc(2 ** 28 + 1)).toString('base64');
    for (const deflated of ['', 'no base64 at all', bomb]) {
      await expect(throughRedis({ record, architecture: { deflated } })).rejects.toThrow();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseArchitecture } from '../../src/architecture/parse.js';
import { touched } from '../../src/postprocess/touched.js';
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { fixtureGraph, LIMITS } from '../architecture/fixtures.js';
import { parseSafetensors } from '../format/files.js';
import { json, post, predicted, tensorsOf } from '../helpers/http.js';
import { startService, type TestService } from '../helpers/service.js';

const architecture = fixtureGraph('squeezenet1_1-10');
const PAPERS = { noise: 3e-5, orthogonalize: true };

let service: TestService;
let plain: ReadonlyMap<string, Float32Array>;
beforeAll(async () => {
  service = await startService();
  plain = await tensorsOf(await post(service.url, { architecture }));
});
afterAll(() => service.stop());

const shapes = new Map(
  architecture.nodes.flatMap(({ weight }) => (weight ? [[weight.name, weight.shape]] : [])),
);

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
const same = (a: Float32Array, b: Float32Array) => bytesOf(a).equals(bytesOf(b));

async function processed(postprocess: object): Promise<ReadonlyMap<string, Float32Array>> {
  return tensorsOf(await post(service.url, { architecture, postprocess }));
}

/** Returns the names of the tensors that differ from those of another answer. */
const changed = (tensors: ReadonlyMap<string, Float32Array>, from = plain) =>
  [...tensors].filter(([name, values]) => !same(values, from.get(name)!)).map(([name]) => name);

/** Returns the largest entry of |QᵀQ - I|, with Q the weight as a tall matrix. */
function orthogonality(values: Float32Array, shape: readonly number[]): number {
  const [o, rest] = [shape[0], values.length / shape[0]];
  const [rows, columns] = [Math.max(o, rest), Math.min(o, rest)];
  const at = (row: number, column: number) =>
    o >= rest ? values[row * rest + column] : values[column * rest + row];
  let worst = 0;
  for (let a = 0; a < columns; a++) {
    for (let b = a; b < columns; b++) {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += at(row, a) * at(row, b);
      worst = Math.max(worst, Math.abs(sum - (a === b ? 1 : 0)));
    }
  }
  return worst;
}

describe('postprocess', () => {
  it('makes weights orthogonal, and does not change a bit of the classifier and of vectors', async () => {
    const tensors = await processed(PAPERS);
    const names = touched(parseArchitecture(architecture, LIMITS), { fromLayer: 0, minChannels: 0 });
    expect(changed(tensors)).toEqual(names);
    expect(names).not.toContain('classifier.1.weight');
    expect(names.length).toBe(25);
    for (const name of names.filter((candidate) => shapes.get(candidate)![0] <= 64)) {
      expect(orthogonality(tensors.get(name)!, shapes.get(name)!), name).toBeLessThan(1e-5);
    }
  });

  it('adds noise that the seed determines', async () => {
    const [one, other] = [await processed({ noise: 0.1, seed: 1 }), await processed({ noise: 0.1, seed: 2 })];
    expect(changed(one)).toHaveLength(25);
    expect(changed(other, one)).toHaveLength(25);
  });

  it('changes weights from a layer on, and those with enough channels', async () => {
    const fromLayer = await processed({ ...PAPERS, from_layer: 20 });
    expect(changed(fromLayer)).toHaveLength(6);
    const wide = await processed({ ...PAPERS, min_channels: 200 });
    const wideNames = changed(wide);
    expect(wideNames.length).toBeGreaterThan(0);
    for (const name of wideNames) expect(Math.max(...shapes.get(name)!.slice(0, 2))).toBeGreaterThan(200);
  });

  it('that requests nothing changes nothing', async () => {
    expect(changed(await processed({}))).toEqual([]);
    expect(changed(await processed({ ...PAPERS, from_layer: 1000 }))).toEqual([]);
  });

  it('is described in the record, with the changed tensors and the duration', async () => {
    const location = await predicted(service.url, { architecture, postprocess: PAPERS });
    const record = await json<PredictionView>(location);
    expect(record.request.postprocess).toEqual({ ...PAPERS, from_layer: 0, min_channels: 0, seed: 0 });
    expect(record.applied).toHaveLength(25);
    for (const { tensor, noise, orthogonalized } of record.applied!) {
      expect(shapes.has(tensor)).toBe(true);
      expect(noise).toBeGreaterThan(0);
      expect(noise).toBeLessThan(PAPERS.noise);
      expect(orthogonalized).toBe(true);
    }
    expect(record.latency_ms!.postprocess).toBeGreaterThan(0);
    const none = await json<PredictionView>(await predicted(service.url, { architecture }));
    expect(none).toMatchObject({ applied: null, request: { postprocess: null } });
  });

  it('accepts any sensible noise, and refuses noise whose result would not be finite', async () => {
    const tensors = await processed({ noise: 1e6, orthogonalize: true });
    expect([...tensors.values()].every((values) => values.every(Number.isFinite))).toBe(true);
    const response = await post(service.url, { architecture, postprocess: { noise: 1e30 } });
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { path: string }[] };
    expect(errors.map(({ path }) => path)).toEqual(['/postprocess/noise']);
  });

  it('that makes values too large for F16 gives infinities, which the record counts', async () => {
    const body = { architecture, dtype: 'F16', postprocess: { noise: 1e6 } };
    const response = await post(service.url, body);
    const { tensors } = parseSafetensors(new Uint8Array(await response.arrayBuffer()));
    let infinite = 0;
    for (const { bytes } of tensors) {
      for (const bits of new Uint16Array(bytes.slice().buffer)) {
        const magnitude = bits & 0x7fff;
        if (magnitude > 0x7c00) throw new Error('a NaN');
        if (magnitude === 0x7c00) infinite++;
      }
    }
    expect(infinite).toBeGreaterThan(0);
    const record = await json<PredictionView>(`${service.url}${response.headers.get('location')}`);
    expect(record.overflow).toBe(infinite);
  });
});

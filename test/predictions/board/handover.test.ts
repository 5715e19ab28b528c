import { describe, expect, it } from 'vitest';
import { readHandover, sealHandover } from '../../../src/predictions/board/bull/handover.js';
import { largeRecord, samplePrediction, sampleTensor } from '../../store/samples.js';

const { record } = samplePrediction(1);
const tensors = [
  sampleTensor('conv.weight', [8, 3, 3, 3], [8, 3, 3, 3], 1),
  sampleTensor('fc.bias', [10], [5], 2),
];

describe('the message to clients that have waited at another service', () => {
  it('contains the whole of a small network, bit by bit', () => {
    const { id, made } = readHandover(sealHandover(record, tensors))!;
    expect(id).toBe(record.id);
    expect(made!.record).toEqual(record);
    expect(made!.tensors).toEqual(tensors);
  });

  it('refers to the store for a larger network', () => {
    const large = [...tensors, sampleTensor('fc.weight', [256, 128], [256, 128], 2)];
    const message = sealHandover(record, large);
    expect(message.length).toBeLessThan(100);
    expect(readHandover(message)).toEqual({ id: record.id, made: null });
    expect(sealHandover(largeRecord(1), tensors).length).toBeLessThan(100);
    expect(readHandover(sealHandover(record, null))).toEqual({ id: record.id, made: null });
  });

  it('is not used if a byte of it differs, or it is not understood', () => {
    const message = sealHandover(record, tensors);
    const changed = Buffer.from(message);
    changed[changed.length - 1] ^= 1;
    for (const other of [
      changed,
      message.subarray(0, -1),
      Buffer.from(`{"id":"${record.id}","record":{},"manifest":7}\n`),
    ]) {
      expect(readHandover(other)).toEqual({ id: record.id, made: null });
    }
    for (const junk of ['', 'x', 'null', '{}', '{"id":7}'])
      expect(readHandover(Buffer.from(junk))).toBeNull();
  });
});

import { z } from 'zod';
import type { PredictionRecord } from '../../../record/record.js';
import { checksums, manifestSchema, planBlocks, runs } from '../../../store/blocks/manifest.js';
import { storedRecord, storedRecordSchema } from '../../../store/stored-record.js';
import { elements, type TiledTensor } from '../../../tensor/tensor.js';
import type { MadeNetwork } from '../board.js';

/** Larger networks are read from the store, since messages of Redis should be small. */
const MAX_BYTES = 64 * 2 ** 10;

/** Limit for the record and the manifest, which many names of layers can make large. */
const MAX_HEAD_BYTES = 256 * 2 ** 10;

const SEPARATOR = '\n'.charCodeAt(0);

const headSchema = z.object({ id: z.string(), record: storedRecordSchema, manifest: manifestSchema });

/** The message about a stored prediction: its id, and the network if it was handed over as well. */
export interface Handover {
  readonly id: string;
  readonly made: MadeNetwork | null;
}

/** The message about a stored network for other services: a head on the first line, followed by the blocks. */
export function sealHandover(record: PredictionRecord, tensors: readonly TiledTensor[] | null): Buffer {
  const { id } = record;
  const noNetwork = Buffer.from(JSON.stringify({ id }));
  const plan = tensors && planBlocks(tensors);
  if (!plan || plan.bytes > MAX_BYTES) return noNetwork;
  const blocks = Array.from(runs(plan, tensors!), (run) => Buffer.from(run));
  const crc32 = blocks.map((run) => checksums(run, plan.pieceBytes)).join('');
  const head = Buffer.from(
    JSON.stringify({ id, record: storedRecord(record), manifest: { ...plan, crc32 } }),
  );
  return head.length > MAX_HEAD_BYTES ? noNetwork : Buffer.concat([head, Buffer.of(SEPARATOR), ...blocks]);
}

/**
 * Reads a message; null if it names no prediction. If the message is of another version or damaged, it hands over no
 * network, and the prediction is read from the store.
 */
export function readHandover(message: Buffer): Handover | null {
  const end = message.indexOf(SEPARATOR);
  const head = parsed(end < 0 ? message : message.subarray(0, end));
  const id = typeof head?.id === 'string' ? head.id : null;
  if (id === null) return null;
  const { data } = headSchema.safeParse(head);
  if (end < 0 || !data) return { id, made: null };
  const { record, manifest } = data;
  // A copy, since arrays of floats must begin at a multiple of four bytes.
  const blocks = Uint8Array.from(message.subarray(end + 1));
  const isWhole =
    blocks.length === manifest.bytes && checksums(blocks, manifest.pieceBytes) === manifest.crc32;
  if (!isWhole) return { id, made: null };
  const tensors = manifest.tensors.map(({ name, shape, blockShape, offset }) => ({
    name,
    shape,
    blockShape,
    block: new Float32Array(blocks.buffer, offset, elements(blockShape)),
  }));
  return { id, made: madeNetwork(record, tensors) };
}

/** A small network that is stored and still in memory. */
export function handedOver(record: PredictionRecord, tensors: readonly TiledTensor[]): MadeNetwork | null {
  return planBlocks(tensors).bytes > MAX_BYTES ? null : madeNetwork(record, tensors);
}

const madeNetwork = (record: PredictionRecord, tensors: readonly TiledTensor[]): MadeNetwork => ({
  record,
  tensors,
  settled: Promise.resolve(),
  // Nothing to hold: it is small, and its reader has all of it.
  hold: () => () => {},
});

function parsed(bytes: Buffer): { readonly id?: unknown } | null {
  try {
    return JSON.parse(bytes.toString()) as { readonly id?: unknown } | null;
  } catch {
    return null;
  }
}

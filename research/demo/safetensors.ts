import { z } from 'zod';

/** A network's tensor as it comes from the service. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export type Weights = ReadonlyMap<string, NamedTensor>;

const headerSchema = z.object({ __metadata__: z.unknown().optional() }).catchall(
  z.object({
    dtype: z.literal('F32'),
    shape: z.array(z.int()),
    data_offsets: z.tuple([z.int(), z.int()]),
  }),
);

/** Reads a safetensors answer: the header's length in 8 bytes, a header of JSON, the values. */
export function readSafetensors(body: ArrayBuffer): Weights {
  const length = Number(new DataView(body).getBigUint64(0, true));
  const text = new TextDecoder().decode(new Uint8Array(body, 8, length));
  const { __metadata__, ...tensors } = headerSchema.parse(JSON.parse(text));
  return new Map(
    Object.entries(tensors).map(
      ([
        name,
        {
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        const values = new Float32Array(body.slice(8 + length + start, 8 + length + end));
        return [name, { shape, values }];
      },
    ),
  );
}

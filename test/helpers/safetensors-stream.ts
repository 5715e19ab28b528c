/** A tensor of a safetensors file that is read as a stream, because the largest answers do not fit into memory. */
export interface StreamedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Valid until the next tensor is read. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Yields the tensors of a safetensors file in the order of their bytes. */
export async function* streamedTensors(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamedTensor> {
  const read = reader(body);
  const length = new DataView((await read(8)).buffer).getBigUint64(0, true);
  const header = JSON.parse(new TextDecoder().decode(await read(Number(length)))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [start: number, end: number] }
  >;
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    yield { name, dtype, shape, bytes: await read(offsets[1] - offsets[0]) };
  }
}

/** Returns a function that reads a number of bytes, whatever the chunks are. */
function reader(body: AsyncIterable<Uint8Array>): (length: number) => Promise<Uint8Array<ArrayBuffer>> {
  const chunks = body[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array();
  return async (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      if (chunk.length === 0) {
        const { value, done } = await chunks.next();
        if (done) throw new Error(`the file ends ${length - at} bytes early`);
        chunk = value;
        continue;
      }
      const part = chunk.subarray(0, length - at);
      bytes.set(part, at);
      at += part.length;
      chunk = chunk.subarray(part.length);
    }
    return bytes;
  };
}

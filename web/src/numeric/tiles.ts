import { client } from '../app/service.js';

/** Bytes of a file that are read first: enough for a header with thousands of tensors. */
const FIRST_BYTES = 256 * 1024;

/** Returns the shapes of a prediction's blocks, by tensor; null if the tensors are not tiled. */
export async function blockShapes(
  id: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly number[]> | null> {
  const path = `/predictions/${id}/weights?format=tiled`;
  let size = FIRST_BYTES;
  for (;;) {
    const response = await client.request(path, { headers: { range: `bytes=0-${size - 1}` }, signal });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    if (8 + length > bytes.byteLength && bytes.byteLength === size) {
      size = 8 + length;
      continue;
    }
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
      string,
      { shape: number[] }
    >;
    return new Map(
      Object.entries(header).flatMap(([name, { shape }]) => (name === '__metadata__' ? [] : [[name, shape]])),
    );
  }
}

/** Keeps a result once it is computed; a computation that failed is tried again. */
export function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= compute().catch((error: unknown) => {
      result = null;
      throw error;
    });
    return result;
  };
}

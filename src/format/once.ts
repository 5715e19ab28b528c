/** Caches the result of a computation. If it fails, the next call tries again. */
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

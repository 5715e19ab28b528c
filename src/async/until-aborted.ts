/**
 * What a promise comes to.
 *
 * @throws the signal's reason once that is aborted, whatever comes of the promise
 */
export async function untilAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave = () => {};
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([pending, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/**
 * Returns the result of a promise.
 *
 * @throws the signal's reason as soon as it is aborted, even if the promise is still pending
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

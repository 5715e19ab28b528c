import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees the host copies of weights that have gone to a device, gigabytes of a GHN-3-XL. V8 would keep them for as long as
 * nothing else asks for memory.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

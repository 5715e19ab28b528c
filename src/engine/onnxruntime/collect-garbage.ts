import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees the host copies of weights that were moved to a device: gigabytes for a GHN-3-XL. V8 would keep them until
 * something else asks for memory.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

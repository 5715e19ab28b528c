import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ghnKey } from '../../src/predictor/protocol.js';
import { checkpointFile } from './service.js';

/** Returns the job key for the GHN in a file of test/fixtures/checkpoints. */
export async function keyOf(file: string): Promise<string> {
  return ghnKey(await readCheckpoint(checkpointFile(file)));
}

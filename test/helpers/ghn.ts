import { readCheckpoint } from '../../src/ghn/checkpoint.js';
import { ghnKey } from '../../src/predictor/protocol.js';
import { checkpointFile } from './service.js';

/** The key that a job has for the GHN of a file of test/fixtures/checkpoints. */
export async function keyOf(file: string): Promise<string> {
  return ghnKey(await readCheckpoint(checkpointFile(file)));
}

/**
 * A checkpoint that cannot be used. The message names the file, the place in it, the expected and the found value, and
 * the remedy if there is one.
 */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

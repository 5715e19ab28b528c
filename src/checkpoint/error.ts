/**
 * A checkpoint that cannot be used. The message names the file, the place in it, what was expected, what was found and,
 * where there is one, the remedy.
 */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

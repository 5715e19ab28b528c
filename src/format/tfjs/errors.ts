/** TensorFlow.js cannot run the model. The message names the part that it cannot run. */
export class TfjsUnsupportedError extends Error {
  override readonly name = 'TfjsUnsupportedError';
}

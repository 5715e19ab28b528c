/** A model that TensorFlow.js cannot run; the message says what in it. */
export class TfjsUnsupportedError extends Error {
  override readonly name = 'TfjsUnsupportedError';
}

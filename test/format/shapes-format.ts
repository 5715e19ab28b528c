import type { FileFormat } from '../../src/format/format.js';
import { ReadyBytes } from '../../src/format/layout.js';

/** A format for tests only: each tensor's name and shape on a line. */
export const SHAPES: FileFormat = {
  name: 'shapes',
  ending: 'txt',
  dtypes: ['F16'],
  holdsParts: true,
  holdsPostprocessed: false,
  write: (tensors) =>
    new ReadyBytes(Buffer.from(tensors.map(({ name, shape }) => `${name} ${shape}\n`).join(''))),
};

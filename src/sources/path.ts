import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { didYouMean } from '../architecture/nearest.js';
import { SHORT_NAMES } from './short-names.js';
import { type Source, SourceError, type SourceKind } from './source.js';

/** A word without a folder or an ending may be meant as the name of a published GHN. */
const WORD = /^[\w-]+$/;

export function pathSource(path: string): Source {
  return {
    text: path,
    id: basename(path, extname(path)),
    async locate() {
      if (WORD.test(path) && !(await stat(path).catch(() => null))) {
        throw new SourceError(
          `${path}: there is no such file, and no published GHN has this name: there are ${SHORT_NAMES.join(', ')}${didYouMean(path, SHORT_NAMES)}`,
        );
      }
      // Other faults show when the file is read.
      return path;
    },
  };
}

/** A file on this machine: any text that is not of another kind. */
export const path: SourceKind = { form: 'a path', hasQuery: false, parse: pathSource };

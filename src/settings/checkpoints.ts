import { parseSource, SourceError } from '../sources/index.js';
import type { CheckpointSetting } from '../sources/source.js';
import { list } from './values.js';

const GHN_ID = /^[\w.-]{1,100}$/;

/** An id comes before the first `=`, unless that `=` is part of an address or of a source's options. */
const ENTRY = /^(?:((?:(?!:\/\/)[^=?])*)=)?(.*)$/s;

function parseEntry(entry: string): CheckpointSetting {
  const [, id, text = ''] = ENTRY.exec(entry) ?? [];
  const { source, options } = parseSource(text);
  return { id: id ?? source.id, source, ...(options && { options }) };
}

/** A comma-separated list of `id=source`, or of sources, whose default ids are their file names without the endings. */
export const checkpoints = list.transform((entries, context) => {
  const found = entries.flatMap((entry) => {
    try {
      return [parseEntry(entry)];
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      context.addIssue(error.message);
      return [];
    }
  });
  if (entries.length === 0) context.addIssue('names no checkpoint');
  const seen = new Set<string>();
  for (const { id, source } of found) {
    if (source.text === '') context.addIssue(`${id} has no path: write id=path`);
    if (!GHN_ID.test(id)) {
      context.addIssue(
        `the id ${JSON.stringify(id)} of ${source.text} may contain only letters, digits, _, . and -`,
      );
    }
    if (seen.has(id)) context.addIssue(`two checkpoints have the id ${id}: name them with id=path`);
    seen.add(id);
  }
  return found;
});

import { basename, extname } from 'node:path';
import { list } from './values.js';

/** An entry of GHN_CHECKPOINTS. */
export interface CheckpointSetting {
  /** The name of the GHN in requests. */
  readonly id: string;
  readonly path: string;
  /** Settings of the GHN that its file does not tell. */
  readonly options?: Readonly<Record<string, string>>;
}

const GHN_ID = /^[\w.-]{1,100}$/;

/** The query of an entry: `?normalize=std`. */
const OPTIONS = /^\w+=[\w.-]*(?:&\w+=[\w.-]*)*$/;

function parseEntry(entry: string): CheckpointSetting {
  const question = entry.lastIndexOf('?');
  const query = question < 0 ? '' : entry.slice(question + 1);
  const hasOptions = OPTIONS.test(query);
  const source = hasOptions ? entry.slice(0, question) : entry;
  const equals = source.indexOf('=');
  const path = source.slice(equals + 1);
  const id = equals < 0 ? basename(path, extname(path)) : source.slice(0, equals);
  return { id, path, ...(hasOptions && { options: Object.fromEntries(new URLSearchParams(query)) }) };
}

/** Comma-separated `id=source`, or sources whose file names without their endings are the ids. */
export const checkpoints = list.transform((entries, context) => {
  const files = entries.map(parseEntry);
  if (files.length === 0) context.addIssue('names no checkpoint');
  const seen = new Set<string>();
  for (const { id, path } of files) {
    if (path === '') context.addIssue(`${id} has no path: write id=path`);
    if (!GHN_ID.test(id)) {
      context.addIssue(`the id ${JSON.stringify(id)} of ${path} may hold letters, digits, _, . and - alone`);
    }
    if (seen.has(id)) context.addIssue(`two checkpoints have the id ${id}: name them with id=path`);
    seen.add(id);
  }
  return files;
});

import { bucket } from './bucket.js';
import { hub } from './hub/hub.js';
import { path } from './path.js';
import { shortName } from './short-names.js';
import { type Source, SourceError, type SourceKind } from './source.js';
import { web } from './web.js';

export { readSourceEnvironment } from './environment.js';
export { pathSource } from './path.js';
export { type Source, SourceError } from './source.js';

/** Kinds of sources. The first that accepts a text applies; the last accepts any text. */
const KINDS: readonly SourceKind[] = [shortName, hub, web, bucket, path];

/** The forms of sources, for help and messages. */
export const SOURCE_FORMS = KINDS.map(({ form }) => form);

/** Matches settings of the GHN after a `?` that are not part of an address. */
const OPTIONS = /^\w+=[\w.-]*(?:&\w+=[\w.-]*)*$/;

/** All settings that exist. In the query of an address, only these are not part of the address. */
const OPTION_NAMES = ['normalize'];

export interface ParsedSource {
  readonly source: Source;
  /** Settings of the GHN that are not in its file. */
  readonly options?: Readonly<Record<string, string>>;
}

/**
 * Parses the address of a checkpoint and the settings after it: `ghn.pt?normalize=std`.
 *
 * @throws SourceError if the text is malformed
 */
export function parseSource(text: string): ParsedSource {
  const [whole, query] = splitQuery(text);
  for (const { hasQuery, parse } of KINDS) {
    const [address, options] = hasQuery ? ownQuery(text) : [whole, query];
    const source = parse(address);
    if (source !== null) return { source, ...(options.size > 0 && { options: Object.fromEntries(options) }) };
  }
  throw new SourceError(`${text} is not a source of a checkpoint`);
}

function splitQuery(text: string): [whole: string, query: URLSearchParams] {
  const question = text.lastIndexOf('?');
  const query = question < 0 ? '' : text.slice(question + 1);
  return OPTIONS.test(query)
    ? [text.slice(0, question), new URLSearchParams(query)]
    : [text, new URLSearchParams()];
}

/** Splits the settings from an address, which keeps the rest of its query. */
function ownQuery(text: string): [address: string, options: URLSearchParams] {
  const question = text.indexOf('?');
  if (question < 0) return [text, new URLSearchParams()];
  const parts = text.slice(question + 1).split('&');
  const isOption = (part: string) => OPTION_NAMES.includes(part.split('=', 1)[0]);
  const own = parts.filter((part) => !isOption(part)).join('&');
  const address = text.slice(0, question) + (own === '' ? '' : `?${own}`);
  return [address, new URLSearchParams(parts.filter(isOption).join('&'))];
}

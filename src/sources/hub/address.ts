import { SourceError } from '../source.js';

/** A file of a repository. */
export interface HubAddress {
  /** `owner/repository` */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** The path in the repository. */
  readonly file: string;
}

export const HUB_SCHEME = 'hf://';
export const HUB_FORM = 'hf://owner/repository[@revision]/file';

/** The form of names on the hub. */
const NAME = /^[\w](?:[\w.-]{0,94}[\w])?$/;

/** Types of repositories in the hub's addresses, other than models. */
const OTHER_TYPES = new Set(['datasets', 'spaces', 'kernels', 'buckets']);

/** Revisions that contain slashes: refs/pr/1, refs/convert/parquet. */
const LONG_REVISION = /^refs\/(?:pr|convert|heads|tags)\/[^/]+/;

const isDots = (part: string) => part === '.' || part === '..';

/** @throws SourceError */
export function parseHubAddress(text: string): HubAddress {
  const fault = (what: string) => new SourceError(`${text}: ${what}; write ${HUB_FORM}`);
  const rest = text.slice(HUB_SCHEME.length).replace(/^models\//, '');
  const [, owner = '', name = '', after = ''] = /^([^/@]*)\/?([^/@]*)(.*)$/s.exec(rest) ?? [];
  if (OTHER_TYPES.has(owner)) throw fault(`GHNs are read from models, not from ${owner}`);
  if (!NAME.test(owner)) throw fault('names no owner of a repository');
  if (!NAME.test(name)) throw fault('names no repository');
  const { revision, path } = splitRevision(after);
  if (revision === '' || revision.split('/').some(isDots)) throw fault('names no revision after @');
  if (path === '') throw fault('names no file');
  if (path.endsWith('/')) throw fault('names a directory, not a file');
  const parts = path.split('/');
  if (parts.some((part) => part === '' || isDots(part))) throw fault(`${path} is not a file of a repository`);
  return { repository: `${owner}/${name}`, revision, file: path };
}

function splitRevision(after: string): { revision: string; path: string } {
  if (!after.startsWith('@')) return { revision: 'main', path: after.replace(/^\//, '') };
  const rest = after.slice(1);
  const slash = LONG_REVISION.exec(rest)?.[0].length ?? rest.indexOf('/');
  if (slash < 0) return { revision: decoded(rest), path: '' };
  return { revision: decoded(rest.slice(0, slash)), path: rest.slice(slash + 1) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Returns the URL of a file on a hub. */
export function hubUrl(endpoint: string, { repository, revision, file }: HubAddress): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`;
}

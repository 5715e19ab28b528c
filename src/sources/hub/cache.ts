import { randomBytes } from 'node:crypto';
import { lstat, readFile, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeFolder, notWritten } from '../download.js';
import { SourceError } from '../source.js';
import type { HubAddress } from './address.js';

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * A repository's folder in the cache that Hugging Face's tools share. `blobs` has each file's contents once, by digest;
 * `snapshots` has a folder for each commit, with links to the contents; `refs` has the last known commit of each branch
 * and tag.
 */
export class RepositoryCache {
  readonly #folder: string;

  constructor(cache: string, repository: string) {
    this.#folder = join(cache, `models--${repository.replaceAll('/', '--')}`);
  }

  /** Returns the path for a file's contents. */
  blob(etag: string): string {
    return join(this.#folder, 'blobs', etag);
  }

  /**
   * Returns the path of a file in the cache, at the last known commit of its revision; null if the cache does not have
   * it.
   *
   * @throws SourceError if it is a directory
   */
  async find({ revision, file }: HubAddress): Promise<string | null> {
    const commit = (await this.#readRef(revision)) ?? (COMMIT.test(revision) ? revision : null);
    return commit === null ? null : this.#existing(this.#pointer(commit, file));
  }

  /** Like `find`, but at the given commit, which is recorded as the revision's. */
  async findAt(commit: string, { revision, file }: HubAddress): Promise<string | null> {
    const found = await this.#existing(this.#pointer(commit, file));
    // A cache that cannot be written to can still be read.
    if (found !== null) await this.#writeRef(revision, commit).catch(() => {});
    return found;
  }

  /**
   * Links contents in `blobs` to the file's name.
   *
   * @returns the path of the file
   */
  async link(etag: string, commit: string, { revision, file }: HubAddress): Promise<string> {
    const pointer = this.#pointer(commit, file);
    await makeFolder(dirname(pointer));
    await this.#link(this.blob(etag), pointer).catch((error: unknown) => {
      throw notWritten(pointer, error);
    });
    await this.#writeRef(revision, commit);
    return pointer;
  }

  #pointer(commit: string, file: string): string {
    return join(this.#folder, 'snapshots', commit, ...file.split('/'));
  }

  async #link(blob: string, pointer: string): Promise<void> {
    // A link without its contents is useless.
    if ((await lstat(pointer).catch(() => null)) && !(await stat(pointer).catch(() => null)))
      await unlink(pointer);
    try {
      await symlink(relative(dirname(pointer), blob), pointer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return;
      // Windows lets few users make links, and some file systems support none. Then the hub's tools move the file, too.
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
      await rename(blob, pointer);
    }
  }

  async #existing(pointer: string): Promise<string | null> {
    const stats = await stat(pointer).catch(() => null);
    if (stats === null) return null;
    if (!stats.isFile())
      throw new SourceError(`${pointer}: is not a file but a directory; name the file within it`);
    return pointer;
  }

  async #readRef(revision: string): Promise<string | null> {
    const text = await readFile(join(this.#folder, 'refs', ...revision.split('/')), 'utf8').catch(() => null);
    return text?.trim() || null;
  }

  async #writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.#readRef(revision)) === commit) return;
    const path = join(this.#folder, 'refs', ...revision.split('/'));
    await makeFolder(dirname(path));
    const written = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await writeFile(written, commit);
      await rename(written, path);
    } catch (error) {
      throw notWritten(path, error);
    }
  }
}

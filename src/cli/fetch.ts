import { strangeContents } from '../sources/contents.js';
import { parseSource, SourceError } from '../sources/index.js';
import { locateForCommand } from '../sources/locate.js';

/**
 * The command `ghn-serve fetch`: downloads each checkpoint to the place where the service looks for it, and prints its
 * path.
 *
 * @throws SourceError for the first source that cannot be fetched
 */
export async function fetchSources(texts: readonly string[]): Promise<void> {
  // All sources are parsed before the first is fetched.
  const sources = texts.map((text) => parseSource(text).source);
  for (const source of sources) {
    const path = await locateForCommand(source);
    const fault = await strangeContents(path).catch((error: Error) => error.message);
    if (fault !== null) throw new SourceError(`${path}: ${fault}`);
    process.stdout.write(`${path}\n`);
  }
}

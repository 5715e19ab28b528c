// Checks that imports in src/ go in one direction: a folder imports only from folders below it in the list. `npm run
// lint` calls it. (dependency-cruiser does not support TypeScript 7 yet.)
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Folders of src/, and files directly in it, from the top to the bottom. */
export const ROOMS: readonly string[] = [
  'main.ts',
  'cli',
  'verify',
  'serve.ts',
  'service.ts',
  'app.ts',
  'routes',
  'http',
  'settings',
  'sources',
  'metrics',
  'predictions',
  'store',
  'record',
  'predictor',
  'ghn',
  'checkpoint',
  'statistics',
  'engine',
  'postprocess',
  'format',
  'architecture',
  'tensor',
  'random',
  'process',
  'tracing',
  'log',
  'async',
  'json-text.ts',
  'numerics-revision.ts',
  'system',
  'version.ts',
];

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

const roomOf = (path: string) => path.split('/', 1)[0];

/**
 * Returns a line for each import that goes up, and for each folder that is not in the list.
 *
 * @param files texts of the sources by their paths in src/
 */
export function violations(files: ReadonlyMap<string, string>): string[] {
  const rank = (room: string) => ROOMS.indexOf(room);
  return [...files].flatMap(([path, text]) => {
    const room = roomOf(path);
    if (rank(room) < 0) return [`src/${path}: the room ${room} is not in the list of scripts/rooms.ts`];
    return [...text.matchAll(IMPORT)].flatMap(([, specifier = '']) => {
      const imported = roomOf(posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts'));
      if (imported === room || imported === '..' || rank(imported) > rank(room)) return [];
      return [`src/${path} imports ${specifier}: ${room} stands below ${imported} and must not know it`];
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const src = new URL('../src/', import.meta.url).pathname;
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const found = violations(
    new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(src, name), 'utf8')])),
  );
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
  else console.log(`${names.length} files import nothing above their room`);
}

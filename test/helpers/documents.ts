import { dirname, join } from 'node:path';

/** A document of the project. */
export interface Document {
  /** The path from the root. */
  readonly name: string;
  readonly text: string;
}

/** The project's files, by their paths from the root. */
export interface Files {
  exists(path: string): boolean;
  read(path: string): string;
}

/** Returns the usual anchor of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

const anchorsOf = (text: string) => [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading]) => anchor(heading!));

/** Returns links to files or headings of the project that do not exist. */
export function brokenLinks({ name, text }: Document, files: Files): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, to]) => to!)
    .filter((to) => !/^[a-z]+:/.test(to))
    .filter((to) => {
      const [path = '', heading] = to.split('#');
      const file = path === '' ? name : join(dirname(name), path);
      if (path !== '' && !files.exists(file)) return true;
      return heading !== undefined && !anchorsOf(path === '' ? text : files.read(file)).includes(heading);
    });
}

/** Returns npm scripts that no package.json of the project or of the document's folder has. */
export function unknownScripts({ name, text }: Document, files: Files): string[] {
  const scripts = [...text.matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g)].map(([, script]) => script!);
  const known = ['package.json', join(dirname(name), 'package.json')]
    .filter((file) => files.exists(file))
    .flatMap((file) => Object.keys((JSON.parse(files.read(file)) as { scripts?: object }).scripts ?? {}));
  return scripts.filter((script) => !known.includes(script));
}

const PATH = /(?<![\w./-])((?:src|test|proof|research|scripts|deploy|docs|clients|zoo|weights)\/[\w./-]*\w)/g;

/** Returns paths without placeholders that exist neither from the root nor from the document's folder. */
export function missingPaths({ name, text }: Document, files: Files): string[] {
  return [...text.matchAll(PATH)]
    .map(([, path]) => path!)
    .filter((path) => !path.includes('...'))
    .filter((path) => !files.exists(path) && !files.exists(join(dirname(name), path)));
}

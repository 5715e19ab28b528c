import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { startService } from './helpers/service.js';

const ROOT = resolve(import.meta.dirname, '..');
const DOCUMENTS = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((name) => existsSync(join(ROOT, name)));

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** A heading's anchor, as it is commonly made. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

const anchorsOf = (text: string) => [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading]) => anchor(heading!));

/** Places in a document that lead to files or headings of the project. */
function links(name: string): string[] {
  return [...read(name).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, to]) => to!)
    .filter((to) => !/^[a-z]+:/.test(to));
}

describe.each(DOCUMENTS)('%s', (name) => {
  it('links to files and headings that exist', () => {
    const broken = links(name).filter((to) => {
      const [path = '', heading] = to.split('#');
      const file = path === '' ? name : join(dirname(name), path);
      if (!existsSync(join(ROOT, file))) return true;
      return heading !== undefined && !anchorsOf(read(file)).includes(heading);
    });
    expect(broken).toEqual([]);
  });

  it('names npm scripts and files that exist', () => {
    const text = read(name);
    const scripts = [...text.matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g)].map(([, script]) => script!);
    const known = ['package.json', join(dirname(name), 'package.json')]
      .filter((file) => existsSync(join(ROOT, file)))
      .flatMap((file) => Object.keys(JSON.parse(read(file)).scripts));
    expect(scripts.filter((script) => !known.includes(script))).toEqual([]);
    // Paths in code, without placeholders.
    const paths = [
      ...text.matchAll(
        /(?<![\w./-])((?:src|test|proof|research|scripts|deploy|docs|clients|zoo|weights)\/[\w./-]*\w)/g,
      ),
    ]
      .map(([, path]) => path!)
      .filter((path) => !path.includes('...'));
    const here = (path: string) =>
      [ROOT, join(ROOT, dirname(name))].some((base) => existsSync(join(base, path)));
    expect(paths.filter((path) => !here(path))).toEqual([]);
  });
});

it('the README’s request is answered with weights by the packaged GHN, and without a warning', async () => {
  const body = /-d '(\{.*?\})'\n/s.exec(read('README.md'))?.[1];
  const service = await startService({ GHN_CHECKPOINTS: join(ROOT, 'weights/ghn3-mnist.safetensors') });
  try {
    const { status } = await request(service.url)
      .post('/predict')
      .set('content-type', 'application/json')
      .send(body);
    expect(status).toBe(200);
  } finally {
    await service.stop();
  }
});

it('the README has at most 120 lines', () => {
  expect(read('README.md').split('\n').length).toBeLessThanOrEqual(121);
});

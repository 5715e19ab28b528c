import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { brokenLinks, missingPaths, unknownScripts } from './helpers/documents.js';
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
const FILES = { exists: (path: string) => existsSync(join(ROOT, path)), read };

describe.each(DOCUMENTS)('%s', (name) => {
  const document = { name, text: read(name) };

  it('links to files and headings that exist', () => {
    expect(brokenLinks(document, FILES)).toEqual([]);
  });

  it('names npm scripts and files that exist', () => {
    expect(unknownScripts(document, FILES)).toEqual([]);
    expect(missingPaths(document, FILES)).toEqual([]);
  });
});

describe('a fault planted in a document is found', () => {
  const planted = (text: string) => ({ name: 'docs/planted.md', text });

  it.each([
    ['a link to no file', '[more](nowhere.md)', ['nowhere.md']],
    ['a link to no heading of a file', '[more](api.md#no-such-heading)', ['api.md#no-such-heading']],
    ['a link to no heading of its own', '# One\n[two](#two), [one](#one)', ['#two']],
    ['none in links that lead somewhere', '[api](api.md), [web](https://example.org/none)', []],
  ])('%s', (_, text, found) => {
    expect(brokenLinks(planted(text), FILES)).toEqual(found);
  });

  it('a script that npm does not have', () => {
    const text = 'Run `npm run no-such-script`, then `npm run -s lint`.';
    expect(unknownScripts(planted(text), FILES)).toEqual(['no-such-script']);
  });

  it('a path that does not exist', () => {
    const text = 'See `src/app.ts`, `src/gone.ts` and `npx vitest run test/nowhere`.';
    expect(missingPaths(planted(text), FILES)).toEqual(['src/gone.ts', 'test/nowhere']);
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

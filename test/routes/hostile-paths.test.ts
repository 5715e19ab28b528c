import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import document from '../../openapi/openapi.json' with { type: 'json' };
import type { PredictionView } from '../../src/routes/predictions/view.js';
import { tinyGraph } from '../architecture/fixtures.js';
import { json, predicted } from '../helpers/http.js';
import { rawRequest } from '../helpers/raw.js';
import { startService, type TestService } from '../helpers/service.js';
import { unpack } from '../store/directory/setup.js';

const SECRET = 'nobody may read this';

let service: TestService;
let id: string;
beforeAll(async () => {
  service = await startService();
  const location = await predicted(service.url, { architecture: tinyGraph() });
  // The record is answered once the prediction is stored.
  ({ id } = await json<PredictionView>(location));
  // Files beside the predictions, and in the place of one.
  await writeFile(join(service.store, 'secret'), SECRET);
  await mkdir(join(service.store, 'predictions', 'other'));
  for (const name of await readdir(await unpack(service.store, id))) {
    await writeFile(join(service.store, 'predictions', 'other', name), SECRET);
  }
});
afterAll(() => service.stop());

/** Returns every file of the store, by path. */
async function files(): Promise<string[]> {
  const entries = await readdir(service.store, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Paths with parameters. All parameters except the last are those of the existing prediction. */
const PLACES = [...Object.keys(document.paths), '/docs/static/{file}']
  .filter((path) => path.includes('{'))
  .flatMap((path) => {
    const parts = path.split(/\{\w+\}/);
    return parts.slice(1).map((_, k) => ({
      path,
      // The rest of a path may be missing, so the parameter may be the last of a shorter path.
      around: (hostile: string) =>
        parts.slice(0, k + 1).reduce((before, part, at) => (at === 0 ? part : before + id + part), '') +
        hostile +
        parts.slice(k + 1).reduce((rest, part, at) => rest + (at === 0 ? part : `fc.weight${part}`), ''),
    }));
  });

const DOTS = ['..', '%2e%2e', '.%2e', '%252e%252e', '%c0%ae%c0%ae', '....', '.', '%2e'];
const SLASHES = ['/', '%2f', '%2F', '\\', '%5c', '%255c', '%252f', '%c0%af', '//'];
const ENDS = [
  'secret',
  'predictions/other',
  'other',
  'etc/passwd',
  '%00',
  'secret%00',
  'record.json',
  '',
  '.json.gz',
];

const up = fc
  .array(fc.tuple(fc.constantFrom(...DOTS), fc.constantFrom(...SLASHES)), { minLength: 1, maxLength: 8 })
  .map((steps) => steps.flat().join(''));
const hostile = fc.oneof(
  fc
    .tuple(fc.constantFrom('', '/', '%2f', '%00', 'other', 'resnet18', 'C:%5c'), up, fc.constantFrom(...ENDS))
    .map((parts) => parts.join('')),
  fc.constantFrom(
    'other',
    '%00',
    'other%00',
    '%6fther',
    '*',
    '%2a',
    '__proto__',
    'constructor',
    '%2f',
    '%e0%a4%a',
    '%',
  ),
  // Any bytes that HTTP allows in a path.
  fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .map((bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')),
);

describe('a path that leads outside', () => {
  it.each(PLACES)('in a parameter of $path finds nothing there, and deletes nothing', async ({ around }) => {
    const before = await files();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('GET', 'HEAD', 'DELETE'), hostile, async (method, text) => {
        const path = around(text);
        // A DELETE of the existing prediction would delete it, however its path is spelled.
        fc.pre(!(method === 'DELETE' && path.endsWith(`/${id}`)));
        const { status, headers, body } = await rawRequest(service.url, method, path);
        // The dots may lead to a path that exists, but only to one of the service.
        expect([200, 302, 304, 400, 403, 404, 405, 414, 422], path).toContain(status);
        expect(body).not.toContain(SECRET);
        expect(body).not.toMatch(/root:.*:0:0:/);
        if (status >= 400) expect(headers['content-type'], path).toMatch(/^application\/problem\+json/);
      }),
      { numRuns: 60 },
    );
    expect(await files()).toEqual(before);
  });

  it('leaves the service intact', async () => {
    expect((await rawRequest(service.url, 'GET', `/predictions/${id}/weights`)).status).toBe(200);
    expect(await readFile(join(service.store, 'secret'), 'utf8')).toBe(SECRET);
  });
});

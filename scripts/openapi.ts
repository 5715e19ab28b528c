import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { buildService } from '../src/service.js';
import { readSettings } from '../src/settings/settings.js';
import { VERSION } from '../src/version.js';

/**
 * `npm run openapi` writes the document that the code generates. With --check it fails if the file is not up to date.
 */
const FILE = new URL('../openapi/openapi.json', import.meta.url);

const store = await mkdtemp(join(tmpdir(), 'ghn-serve-openapi-'));
const service = await buildService({
  settings: readSettings({ STORE: store, GHN_CHECKPOINTS: 'unused' }),
  logger: pino({ level: 'silent' }),
  version: VERSION,
});
await service.app.ready();
const document = `${JSON.stringify(service.app.swagger(), null, 2)}\n`;
await service.stop();
await rm(store, { recursive: true });

if (!process.argv.includes('--check')) {
  await writeFile(FILE, document);
} else if ((await readFile(FILE, 'utf8').catch(() => '')) !== document) {
  console.error('openapi/openapi.json is not what the code makes: run `npm run openapi` and commit it.');
  process.exitCode = 1;
}

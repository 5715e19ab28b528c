/**
 * Measures the speed of the service: `npm run bench -- [parts]`. Every request is new, so that nothing comes from the
 * store. PYTHON names a Python with PyTorch for comparison. With `--write`, the table is written to
 * docs/performance.md.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authors } from './authors.js';
import { long } from './parts/long.js';
import { postprocessing } from './parts/postprocessing.js';
import { requests } from './parts/requests.js';
import { small } from './parts/small.js';
import { xl } from './parts/xl.js';
import { circumstances, markdown, type Part, type Row } from './table.js';

const PARTS: Readonly<Record<string, Part>> = { requests, small, long, postprocessing, xl };

const DOCUMENT = new URL('../../docs/performance.md', import.meta.url);
const TABLE = /(<!-- bench -->\n).*(<!-- \/bench -->)/s;

const names = process.argv.slice(2).filter((name) => name !== '--write');
const unknown = names.find((name) => !PARTS[name]);
if (unknown !== undefined)
  throw new Error(`${unknown} is not a part: choose from ${Object.keys(PARTS).join(', ')}`);

const [load] = os.loadavg();
const authors = await Authors.start();
const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
const rows: Row[] = [];
try {
  for (const name of names.length > 0 ? names : Object.keys(PARTS)) {
    const measured = await PARTS[name]({ directory, authors });
    rows.push(...measured);
    console.error(`${name}: done`);
  }
} finally {
  authors?.stop();
  await rm(directory, { recursive: true, force: true });
}
const text = `${circumstances(load, authors?.description ?? null)}\n\n${markdown(rows)}\n`;
console.log(text);
if (process.argv.includes('--write')) {
  const document = await readFile(DOCUMENT, 'utf8');
  await writeFile(
    DOCUMENT,
    document.replace(TABLE, (_, before, after) => `${before}${text}${after}`),
  );
}

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vite';

const OUT = fileURLToPath(new URL('../dist/web', import.meta.url));

/** Smaller files gain nothing from compression. */
const MIN_COMPRESSED_BYTES = 1024;

/** The highest level takes ten times as long for 2 % less. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

/** Writes name.br and name.gz beside each text file. The service sends them as they are. */
const precompress: Plugin = {
  name: 'precompress',
  apply: 'build',
  async closeBundle() {
    const files = await readdir(OUT, { recursive: true });
    const texts = files.filter((file) => /\.(html|js|css|svg)$/.test(file));
    await Promise.all(
      texts.map(async (file) => {
        const bytes = await readFile(join(OUT, file));
        if (bytes.length < MIN_COMPRESSED_BYTES) return;
        await writeFile(join(OUT, `${file}.br`), await promisify(brotliCompress)(bytes, BROTLI));
        await writeFile(join(OUT, `${file}.gz`), await promisify(gzip)(bytes, { level: 9 }));
      }),
    );
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that the page works with any path prefix.
  base: './',
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [precompress],
});

/**
 * `npm run kernel` compiles the loops of post-processing to WebAssembly. With --check it fails if the file is not up to
 * date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const FOLDER = new URL('../src/postprocess/kernel/', import.meta.url);
const SOURCE = 'assembly/index.ts';
const BINARY = new URL('binary.ts', FOLDER);

const { error, stderr, binary } = await asc.compileString(await readFile(new URL(SOURCE, FOLDER), 'utf8'), {
  optimizeLevel: 3,
  enable: ['simd'],
  runtime: 'stub',
  importMemory: true,
});
if (error || !binary) throw new Error(`${fileURLToPath(new URL(SOURCE, FOLDER))}: ${stderr}`);

const module = `/** ${SOURCE}, compiled: \`npm run kernel\` writes this file. */
export const BINARY =
  '${Buffer.from(binary).toString('base64')}';
`;
if (!process.argv.includes('--check')) {
  await writeFile(BINARY, module);
} else if ((await readFile(BINARY, 'utf8').catch(() => '')) !== module) {
  console.error(
    `${fileURLToPath(BINARY)} is not what ${SOURCE} compiles to: run \`npm run kernel\` and commit it.`,
  );
  process.exitCode = 1;
}

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder for each target, with inputs that once were found to matter. */
export const CORPUS = fileURLToPath(new URL('corpus/', import.meta.url));

/** The files of a target's corpus, by name. */
export function corpusFiles(target: string): readonly string[] {
  const folder = join(CORPUS, target);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

export function readCorpusFile(target: string, name: string): Buffer {
  return readFileSync(join(CORPUS, target, name));
}

/** Not the corpus itself, of which inputs are made: a run that adds to it would not be the same a second time. */
const FINDINGS = fileURLToPath(new URL('findings/', import.meta.url));

/** Keeps an input that led to a finding; returns where. */
export function keepFinding(target: string, name: string, input: Buffer): string {
  const folder = join(FINDINGS, target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, input);
  return path;
}

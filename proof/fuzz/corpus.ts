import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of inputs that once revealed faults, with a subfolder for each target. */
export const CORPUS = fileURLToPath(new URL('corpus/', import.meta.url));

/** Returns the files of a target's corpus, by name. */
export function corpusFiles(target: string): readonly string[] {
  const folder = join(CORPUS, target);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

export function readCorpusFile(target: string, name: string): Buffer {
  return readFileSync(join(CORPUS, target, name));
}

/** Findings are kept apart from the corpus, from which inputs are made: a run that adds to it could not be repeated. */
const FINDINGS = fileURLToPath(new URL('findings/', import.meta.url));

/** Saves an input that led to a finding. Returns its path. */
export function keepFinding(target: string, name: string, input: Buffer): string {
  const folder = join(FINDINGS, target);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, input);
  return path;
}

import { readFileSync } from 'node:fs';
import { SettingsError } from './error.js';

/** Settings that are secrets. Each can be read from a file, given by the setting's name with _FILE appended. */
export const SECRETS = ['API_KEYS', 'METRICS_KEY', 'QUEUE'] as const;

/** A secret has a few lines, so a larger file was given by mistake. */
const MAX_SECRET_CHARACTERS = 2 ** 20;

function readSecret(variable: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`${variable}: ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (text.length > MAX_SECRET_CHARACTERS)
    throw new SettingsError(`${variable}: ${path} is too large for a secret`);
  if (text.trim() === '') throw new SettingsError(`${variable}: ${path} is empty`);
  // A file may have one key on each line.
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join();
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the environment, with each secret that is given as a file read from the file.
 *
 * @throws SettingsError for a file that cannot be read or is empty, and for a secret that is given in both ways
 */
export function withSecretFiles(environment: Environment): Environment {
  const read = SECRETS.flatMap((name): [string, string][] => {
    const path = environment[`${name}_FILE`];
    if (!path) return [];
    if (environment[name]) throw new SettingsError(`${name}_FILE: ${name} is set too; give one of them`);
    return [[name, readSecret(`${name}_FILE`, path)]];
  });
  return { ...environment, ...Object.fromEntries(read) };
}

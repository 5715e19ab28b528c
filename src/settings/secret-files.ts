import { readFileSync } from 'node:fs';
import { SettingsError } from './error.js';

/** Settings that are secrets: each can come from a file, named by the setting's name with _FILE behind it. */
export const SECRETS = ['API_KEYS', 'METRICS_KEY', 'QUEUE'] as const;

/** A secret is a few lines; a larger file was named by mistake. */
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
  // One key a line reads best in a file.
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join();
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment with each secret that is in a file read from there.
 *
 * @throws SettingsError for a file that cannot be read or is empty, and for a secret given both ways
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

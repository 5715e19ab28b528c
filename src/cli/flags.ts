import type { Command } from 'commander';
import { SECRETS } from '../settings/secret-files.js';
import { settingsSchema } from '../settings/settings.js';

/** Returns the flag of a setting, such as --store-max-bytes for STORE_MAX_BYTES. */
const flagOf = (setting: string) => `--${setting.toLowerCase().replaceAll('_', '-')}`;

/** Returns commander's key for the flag of a setting, such as storeMaxBytes for STORE_MAX_BYTES. */
const keyOf = (setting: string) =>
  setting.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const SETTINGS = Object.keys(settingsSchema.shape);
const FILES = SECRETS.map((name) => `${name}_FILE`);

/** Returns the default for --help, in the form in which a user would write it. */
function defaultOf(value: unknown): string {
  return value === undefined || (Array.isArray(value) && value.length === 0)
    ? ''
    : ` (default: ${String(value)})`;
}

/** Adds a flag to a command for each setting, and for each file of a secret. */
export function addSettingFlags(command: Command): Command {
  for (const [name, schema] of Object.entries(settingsSchema.shape)) {
    const { description, form } = schema.meta() ?? {};
    const fallback: unknown = schema.safeParse(undefined).data;
    command.option(`${flagOf(name)} <${String(form)}>`, `${description}${defaultOf(fallback)}`);
  }
  for (const name of FILES) {
    command.option(`${flagOf(name)} <file>`, `file with ${name.replace('_FILE', '')}, for secrets`);
  }
  return command;
}

/** Returns the settings that were given as flags, by the names of their environment variables. */
export function settingsOfFlags(options: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    [...SETTINGS, ...FILES].flatMap((name) => {
      const value = options[keyOf(name)];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

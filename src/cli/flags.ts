import type { Command } from 'commander';
import { SECRETS } from '../settings/secret-files.js';
import { settingsSchema } from '../settings/settings.js';

/** The flag of a setting: --store-max-bytes for STORE_MAX_BYTES. */
const flagOf = (setting: string) => `--${setting.toLowerCase().replaceAll('_', '-')}`;

/** The name by which commander knows the flag of a setting: storeMaxBytes for STORE_MAX_BYTES. */
const keyOf = (setting: string) =>
  setting.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const SETTINGS = Object.keys(settingsSchema.shape);
const FILES = SECRETS.map((name) => `${name}_FILE`);

/** The default as --help shows it: in the form in which a user would give it. */
function defaultOf(value: unknown): string {
  return value === undefined || (Array.isArray(value) && value.length === 0)
    ? ''
    : ` (default: ${String(value)})`;
}

/** Gives a command a flag for each setting, and for each secret's file. */
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

/** The settings that were given as flags, by the names of their environment variables. */
export function settingsOfFlags(options: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    [...SETTINGS, ...FILES].flatMap((name) => {
      const value = options[keyOf(name)];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

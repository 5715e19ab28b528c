import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addSettingFlags, settingsOfFlags } from '../../src/cli/flags.js';
import { readSettings, settingsSchema } from '../../src/settings/settings.js';

const parse = (...flags: string[]) => {
  const command = addSettingFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return settingsOfFlags(command.parse(flags, { from: 'user' }).opts());
};

describe('the flags', () => {
  it('exist for each setting, in --help with a description and a default', () => {
    const help = addSettingFlags(new Command()).helpInformation();
    for (const name of Object.keys(settingsSchema.shape)) {
      expect(help).toContain(`--${name.toLowerCase().replaceAll('_', '-')} <`);
    }
    expect(help).not.toContain('undefined');
    expect(help).toMatch(/--port <number> +port to listen on; .*\(default: 3000\)/s);
  });

  it('give the same settings as the environment variables', () => {
    const flags = parse(
      '--store-max-bytes',
      '20GB',
      '--ghn-checkpoints=a=x.pt',
      '--max-event-loop-delay-ms',
      '0',
    );
    expect(flags).toEqual({
      STORE_MAX_BYTES: '20GB',
      GHN_CHECKPOINTS: 'a=x.pt',
      MAX_EVENT_LOOP_DELAY_MS: '0',
    });
    expect(readSettings(flags)).toMatchObject({ STORE_MAX_BYTES: 20e9, MAX_EVENT_LOOP_DELAY_MS: 0 });
  });

  it('name files of secrets', () => {
    expect(parse('--api-keys-file', '/run/secrets/keys')).toEqual({ API_KEYS_FILE: '/run/secrets/keys' });
  });

  it('are refused if they are unknown, with the nearest one', () => {
    expect(() => parse('--prot', '1')).toThrow(/unknown option '--prot'\s.*--port/);
  });
});

import { Command } from 'commander';
import { serve } from '../serve.js';
import { readSettings } from '../settings/settings.js';
import { verify } from '../verify/main.js';
import { VERSION } from '../version.js';
import { addSettingFlags, settingsOfFlags } from './flags.js';

const ENVIRONMENT =
  '\nEach flag can be given as an environment variable too, in capitals and with _ in place of -: STORE_MAX_BYTES=20GiB.';

/** The command ghn-serve. Without a subcommand it serves. */
export function createProgram(): Command {
  const program = new Command('ghn-serve')
    .description('Predicts the parameters of neural networks with Graph HyperNetworks, over HTTP.')
    .version(VERSION)
    .showHelpAfterError('ghn-serve --help lists the commands and flags.')
    .enablePositionalOptions()
    .exitOverride();

  addSettingFlags(
    program
      .command('serve', { isDefault: true })
      .description('serve predictions (also without a command)')
      .addHelpText('after', ENVIRONMENT),
  ).action(async (options: Record<string, unknown>) => {
    await serve(readSettings({ ...process.env, ...settingsOfFlags(options) }));
  });

  program
    .command('verify')
    .description('check a published checkpoint against its authors’ own figures')
    .argument('[arguments...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (given: string[]) => {
      process.exitCode = await verify(given);
    });
  return program;
}

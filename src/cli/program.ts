import { Command } from 'commander';
import { serve } from '../serve.js';
import { readSettings } from '../settings/settings.js';
import { SOURCE_FORMS } from '../sources/index.js';
import { verify } from '../verify/main.js';
import { VERSION } from '../version.js';
import { fetchSources } from './fetch.js';
import { addSettingFlags, settingsOfFlags } from './flags.js';

const ENVIRONMENT =
  '\nEach flag can also be set as an environment variable, in capitals and with _ instead of -: STORE_MAX_BYTES=20GiB.';

const FETCH_ENVIRONMENT = `
Files from the hub are stored in the cache of Hugging Face's tools, where the service finds them. The variables HF_HOME,
HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT and HF_HUB_OFFLINE have their usual meaning. If the command is stopped
during a download, the next call resumes it.`;

/** Creates the command ghn-serve. Without a subcommand it runs the service. */
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
      .description('serve predictions (the default command)')
      .addHelpText('after', ENVIRONMENT),
  ).action(async (options: Record<string, unknown>) => {
    await serve(readSettings({ ...process.env, ...settingsOfFlags(options) }));
  });

  program
    .command('fetch')
    .description('download checkpoints into the cache, and print their paths')
    .argument('<sources...>', `each one of ${SOURCE_FORMS.join('; ')}`)
    .addHelpText('after', FETCH_ENVIRONMENT)
    .action(async (sources: string[]) => {
      await fetchSources(sources);
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

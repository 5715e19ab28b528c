import { writeFile } from 'node:fs/promises';
import { CheckpointError } from '../ghn/checkpoint.js';
import { SettingsError } from '../settings/error.js';
import { readSettings } from '../settings/settings.js';
import { parseSource, SourceError } from '../sources/index.js';
import { locateForCommand } from '../sources/locate.js';
import { checkNorm } from './check.js';
import { normsText, PUBLISHED_NORMS, publishedFamily, readNorms, VerifyError } from './norms-file.js';
import { parseOptions, USAGE, type VerifyOptions } from './options.js';
import { header, row } from './table.js';
import { loadVerification, networksToVerify, type Verification } from './verify.js';

const EXIT_CODE_DIFFERS = 1;
const EXIT_CODE_CANNOT_TELL = 2;

/** Number of networks with a different norm that the summary lists; the table has all of them. */
const LISTED = 10;

const print = (line: string) => process.stdout.write(`${line}\n`);

async function write(verification: Verification, path: string, { only }: VerifyOptions): Promise<void> {
  const norms = new Map<string, number>();
  print(header(false));
  for await (const network of verification.predict(networksToVerify(only, null))) {
    print(row(network, null));
    norms.set(network.name, network.norm.norm);
  }
  await writeFile(path, normsText(norms));
  print(`\nThe norms of ${norms.size} networks are in ${path}.`);
}

/** Returns the names of the networks whose norms differ. */
async function compare(verification: Verification, options: VerifyOptions): Promise<string[]> {
  const family = options.family ?? publishedFamily(verification.config);
  const expected = await readNorms(options.norms ?? PUBLISHED_NORMS, family);
  const names = networksToVerify(options.only, expected);
  const differing: string[] = [];
  print(header(true));
  for await (const network of verification.predict(names)) {
    const norm = expected.norms.get(network.name)!;
    const check = checkNorm(network.norm, norm, expected.precision, options.tolerance);
    print(row(network, check));
    if (!check.holds) differing.push(network.name);
  }
  const source = options.norms ? `in ${options.norms}` : `published for ${family}`;
  print(
    differing.length === 0
      ? `\nAll ${names.length} norms match those ${source}.`
      : `\n${differing.length} of ${names.length} norms DIFFER from those ${source}: ${listed(differing)}.`,
  );
  return differing;
}

function listed(names: readonly string[]): string {
  const more = names.length - LISTED;
  return names.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

async function run(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    print(USAGE);
    return 0;
  }
  const options = parseOptions(args);
  const { ENGINE: engine, DEVICE: device } = readSettings({
    ENGINE: process.env.ENGINE,
    DEVICE: process.env.DEVICE,
  });
  const { source, options: ghnOptions } = parseSource(options.checkpoint);
  const checkpoint = { path: await locateForCommand(source), ...(ghnOptions && { options: ghnOptions }) };
  const verification = await loadVerification(checkpoint, { engine, device }, (notice) =>
    process.stderr.write(`${notice}\n`),
  );
  const { family, hidden, layers, channels } = verification.config;
  const { name, version } = verification.engine;
  print(
    `${options.checkpoint}: a ${family}, d=${hidden}, ${layers} layers, C=${channels}, on ${name} (${version})\n`,
  );
  if (options.write !== null) await write(verification, options.write, options);
  else if ((await compare(verification, options)).length > 0) return EXIT_CODE_DIFFERS;
  return 0;
}

/**
 * The command `ghn-serve verify`.
 *
 * @returns the exit code: 0 if all norms match, 1 if one does not, 2 if the command cannot compare them
 */
export async function verify(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    const isExpected = [VerifyError, CheckpointError, SettingsError, SourceError].some(
      (type) => error instanceof type,
    );
    process.stderr.write(`${isExpected ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
    if (error instanceof VerifyError) process.stderr.write('ghn-serve verify --help says how to use it.\n');
    return EXIT_CODE_CANNOT_TELL;
  }
}

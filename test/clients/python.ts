import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The Python that scripts/client-python.sh installs. */
const OWN = fileURLToPath(new URL('../../node_modules/.cache/client-python/bin/python', import.meta.url));

const CANDIDATES = [process.env.PYTHON, OWN, 'python3', '/usr/bin/python3'];

const MISSING = `
import importlib, sys
for module in sys.argv[1:]:
    try: importlib.import_module(module)
    except ImportError: print(module)
`;

/** Limit of a script's output, which is one JSON document, also for a network with hundreds of tensors. */
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

export interface Python {
  /** Text for the titles of tests that need it: empty, or the missing modules. */
  readonly missing: string;
  /**
   * Runs a script in test/clients/python, which prints JSON.
   *
   * @throws Error with its output on stderr
   */
  run<T>(script: string, ...args: readonly string[]): Promise<T>;
  /** Like `run`, with additional environment variables. */
  runWith<T>(
    environment: Readonly<Record<string, string>>,
    script: string,
    ...args: readonly string[]
  ): Promise<T>;
}

/** Finds the first Python that has all of the modules. */
export function findPython(...modules: readonly string[]): Python {
  const found = CANDIDATES.filter((command) => command !== undefined && isThere(command)).map((command) => {
    const { stdout } = spawnSync(command!, ['-c', MISSING, ...modules], { encoding: 'utf8' });
    return { command: command!, missing: stdout.split('\n').filter((line) => line !== '') };
  });
  const [best] = found.sort((a, b) => a.missing.length - b.missing.length);
  const missing = best ? best.missing : ['python3'];
  const runWith: Python['runWith'] = async (environment, script, ...args) => {
    const path = fileURLToPath(new URL(`python/${script}`, import.meta.url));
    const options = { maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, ...environment } };
    const { stdout } = await promisify(execFile)(best.command, [path, ...args], options);
    return JSON.parse(stdout);
  };
  return {
    missing: missing.length === 0 ? '' : `, skipped for want of ${missing.join(' and ')} in Python`,
    run: (script, ...args) => runWith({}, script, ...args),
    runWith,
  };
}

function isThere(command: string): boolean {
  return command.includes('/') ? existsSync(command) : spawnSync(command, ['--version']).status === 0;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSync } from 'recheck';
import { parseSync, Visitor } from 'vite';

// Finds regular expressions in the sources of the service and of the page that take more than linear time for some
// text: whoever sends such a text would stop the service.

/** Time limit for one expression; some take seconds to analyse. */
const TIMEOUT_MS = 20_000;

/** Returns a description of the fault in a regular expression, or null if it is linear. */
function faultOf(source: string, flags: string): string | null {
  // The analysis supports neither flag, and they do not affect the time. The seed makes runs repeatable, since
  // expressions with a lookahead are tested with random texts.
  const result = checkSync(source, flags.replaceAll(/[dv]/g, ''), { timeout: TIMEOUT_MS, randomSeed: 1 });
  if (result.status === 'safe') return null;
  if (result.status === 'unknown') return `it could not be told how long it takes (${result.error.kind})`;
  return `takes ${result.complexity.summary} time for ${result.attack.pattern}`;
}

/** Returns the TypeScript files in these folders. */
function sources(...folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !name.includes('node_modules'))
      .map((name) => join(folder, name)),
  );
}

let found = 0;
let count = 0;
for (const path of sources('src', 'web')) {
  const text = readFileSync(path, 'utf8');
  const complain = (start: number, message: string) => {
    found++;
    console.error(`${path}:${text.slice(0, start).split('\n').length}: ${message}`);
  };
  new Visitor({
    Literal(node) {
      if (!('regex' in node)) return;
      count++;
      const { pattern, flags } = node.regex;
      const fault = faultOf(pattern, flags);
      if (fault) complain(node.start, `/${pattern}/${flags}: ${fault}`);
    },
    NewExpression({ callee, start }) {
      if (callee.type === 'Identifier' && callee.name === 'RegExp') {
        complain(
          start,
          'a regular expression that is put together here: write it as a literal, which can be checked',
        );
      }
    },
  }).visit(parseSync(path, text).program);
}
if (found > 0) process.exit(1);
console.log(`${count} regular expressions take linear time`);

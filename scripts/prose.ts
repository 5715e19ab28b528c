// Finds prose that is not plain English, in comments, messages and documents: `npm run prose [-- PATH...]`. It knows the patterns
// that came up most; a reader finds more.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface Pattern {
  readonly expression: RegExp;
  readonly advice: string;
}

/** In a comment: how its first sentence must not begin. */
const OPENINGS: readonly Pattern[] = [
  {
    expression: /^(Of|Whom|Whose|To whom|By whom|With which|By which|In which|For whom) /,
    advice: 'begin with the subject',
  },
  {
    expression: /^(What|As) [^.,;:]*[.]$/,
    advice: 'name the thing, or write a sentence with a subject and a verb',
  },
];

/** Anywhere in comments, strings and documents. */
const PHRASES: readonly Pattern[] = [
  { expression: /\b(is|are|was|were|be) taken in\b/, advice: 'accepted' },
  { expression: /\bbehind (your|their|its) back\b/, advice: 'asynchronously' },
  { expression: /\bnobody shall\b/, advice: 'nobody has to' },
  { expression: /\bin the midst of\b/, advice: 'during' },
  { expression: /\bin the making\b/, advice: 'being predicted' },
  { expression: /\b(comes|came|come) to nothing\b/, advice: 'fails' },
  { expression: /\bin its place there\b/, advice: 'instead' },
  { expression: /\bof ones? own accord\b/, advice: 'by itself' },
  { expression: /\bwith what there is\b/, advice: 'say what there is' },
];

const COMMENT = /(?:\/\*\*?|^\s*\*(?!\/)|\/\/)\s?(.*?)(?:\s*\*\/)?\s*$/;

interface Finding {
  readonly line: number;
  readonly text: string;
  readonly advice: string;
}

function findings(name: string): Finding[] {
  const lines = readFileSync(name, 'utf8').split('\n');
  const isDocument = name.endsWith('.md');
  return lines.flatMap((text, index) => {
    const comment = isDocument ? null : (COMMENT.exec(text)?.[1] ?? null);
    const begins = /\/\*\*? |\/\/ /.test(text) && !/^\s*\/\//.test(lines[index - 1] ?? '');
    const opening =
      comment !== null && begins ? OPENINGS.filter(({ expression }) => expression.test(comment)) : [];
    const phrases = PHRASES.filter(({ expression }) => expression.test(text));
    return [...opening, ...phrases].map(({ advice }) => ({ line: index + 1, text: text.trim(), advice }));
  });
}

const paths = process.argv.slice(2);
const names = execFileSync('git', ['ls-files', '--', ...(paths.length > 0 ? paths : ['.'])], {
  encoding: 'utf8',
})
  .split('\n')
  .filter(
    (name) =>
      /\.(ts|tsx|mjs|md)$/.test(name) &&
      !/^(test\/fixtures|clients\/typescript\/src\/api\.ts|scripts\/prose\.ts)/.test(name),
  );
let count = 0;
for (const name of names) {
  for (const { line, text, advice } of findings(name)) {
    console.log(`${name}:${line}: ${text.slice(0, 120)}\n    ${advice}`);
    count++;
  }
}
console.log(count === 0 ? `${names.length} files read like plain English` : `${count} places to rewrite`);
process.exitCode = count === 0 ? 0 : 1;

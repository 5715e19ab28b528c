// Finds prose that is not plain English, in comments, messages and documents: `npm run prose [-- PATH...]`. It knows
// only the most frequent patterns; a reader finds more.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

interface Pattern {
  readonly expression: RegExp;
  readonly advice: string;
}

/** Openings that the first sentence of a comment must not have. */
const OPENINGS: readonly Pattern[] = [
  {
    expression: /^(Of|Whom|Whose|To whom|By whom|With which|By which|In which|For whom) /,
    advice: 'begin with the subject',
  },
  {
    expression: /^(What|Who|Whether|Where|How) /,
    advice: 'name the thing, or write "Returns …", "True if …", "Number of …" or "If …"',
  },
  {
    expression: /^As [^.,;:]*[.]$/,
    advice: 'name the thing, or write a sentence with a subject and a verb',
  },
];

/** Words for "is no …", which reads as if translated. "There is no …" is fine. */
const THINGS =
  'bucket|checkpoint|directory|download|file|GHN|id|image|index|JSON|layer|list|model|name|node|number|object|operation|origin|path|pool|proxy|queue|source|tensor';

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
  { expression: /\b(is|are|was|were|be) told of\b/, advice: 'is reported, described, or kept' },
  { expression: /\b(to|cannot|can|could) be had\b/, advice: 'is available' },
  {
    expression: /\b(what|nothing) (came|comes|became|becomes|has come) of\b/i,
    advice: 'the result, or no result',
  },
  { expression: /\banew\b/, advice: 'again' },
  { expression: /\b(is|are|was|were) asked of\b/, advice: 'say who asks for what' },
  { expression: /\bthe likes? of\b/, advice: 'say which' },
  { expression: /\bnobody but\b/, advice: 'only' },
  { expression: /\bnobody waits for what\b/, advice: 'say who waits for what' },
  {
    expression: new RegExp(`(?<!\\bthere )\\b(is|was) no (${THINGS})\\b`, 'i'),
    advice: 'is not a …',
  },
];

const COMMENT = /(?:\/\*\*?|^\s*\*(?!\/)|\/\/)\s?(.*?)(?:\s*\*\/)?\s*$/;

/** Returns true if a line has the first words of a comment; in a block, they may be on the line after the first. */
function beginsComment(line: string, before: string): boolean {
  if (/^\s*\/\*\*?\s*$/.test(before)) return true;
  return /\/\*\*? |\/\/ /.test(line) && !/^\s*\/\//.test(before);
}

interface Finding {
  readonly line: number;
  readonly text: string;
  readonly advice: string;
}

/** Returns the lines that are not plain English. In a document every line counts, in a source the comments and strings. */
export function findings(name: string, content: string): Finding[] {
  const lines = content.split('\n');
  const isDocument = name.endsWith('.md');
  return lines.flatMap((text, index) => {
    const comment = isDocument ? null : (COMMENT.exec(text)?.[1] ?? null);
    const begins = beginsComment(text, lines[index - 1] ?? '');
    const opening =
      comment !== null && begins ? OPENINGS.filter(({ expression }) => expression.test(comment)) : [];
    const phrases = PHRASES.filter(({ expression }) => expression.test(text));
    return [...opening, ...phrases].map(({ advice }) => ({ line: index + 1, text: text.trim(), advice }));
  });
}

/** Files with texts of others, and those that contain the patterns. */
const LEFT_OUT =
  /^(test\/fixtures|clients\/typescript\/src\/api\.ts|scripts\/prose\.ts|test\/prose\.test\.ts)/;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const paths = process.argv.slice(2);
  const names = execFileSync('git', ['ls-files', '--', ...(paths.length > 0 ? paths : ['.'])], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((name) => /\.(ts|tsx|mjs|md)$/.test(name) && !LEFT_OUT.test(name));
  const found = names.flatMap((name) =>
    findings(name, readFileSync(name, 'utf8')).map((finding) => ({ name, ...finding })),
  );
  for (const { name, line, text, advice } of found) {
    console.log(`${name}:${line}: ${text.slice(0, 120)}\n    ${advice}`);
  }
  console.log(
    found.length === 0
      ? `${names.length} files read like plain English`
      : `${found.length} places to rewrite`,
  );
  process.exitCode = found.length === 0 ? 0 : 1;
}

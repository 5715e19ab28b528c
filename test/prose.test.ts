import { expect, it } from 'vitest';
import { findings } from '../scripts/prose.js';

it.each([
  ['a comment without a subject', 'a.ts', '/** Of how a folder is laid out. */\nconst a = 1;', 1],
  ['a comment that names nothing', 'a.ts', 'const a = 1;\n// What it is told.', 2],
  ['a question in place of a name', 'a.ts', '/** Whether it is a file, and may be read. */', 1],
  ['a quantity without a noun', 'a.ts', '  /** How many there are. */', 1],
  ['a place without a noun', 'a.ts', 'const a = 1; // Where it begins', 1],
  ['the first words of a block', 'a.ts', '/**\n * Who waits for the answer,\n * and who does not.\n */', 2],
  ['a phrase in a message', 'a.tsx', "\n\nthrow new Error('the file is taken in as it is');", 3],
  ['a phrase in a document', 'docs/a.md', 'It is made\nbehind your back.', 2],
  ['a test’s title', 'a.test.ts', "it('is told of in the record', () => {});", 1],
  ['a translated negation', 'a.ts', "throw new Error('this is no checkpoint');", 1],
  ['an outcome without a name', 'docs/a.md', 'The log says what became of it.', 1],
])('finds %s', (_, name, text, line) => {
  expect(findings(name, text)).toEqual([expect.objectContaining({ line })]);
});

it.each([
  ['a.ts', '/** Layout version of a stored prediction. */'],
  ['a.ts', '// A body that does not fit is refused\n// Of what follows a line before, nothing begins here.'],
  ['a.ts', '/**\n * Returns the places\n * Where they begin is not said.\n */'],
  ['a.ts', "const a = 'How many there are'; const b = `https://a.b/Where it is`;"],
  ['docs/a.md', 'Of the three, the first is the fastest.'],
  ['docs/a.md', 'What the service stores is verified when it is read.'],
  ['docs/a.md', 'There is no checkpoint of that name, and it is no longer needed.'],
])('leaves plain English in %s alone: %s', (name, text) => {
  expect(findings(name, text)).toEqual([]);
});

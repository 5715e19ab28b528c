// Writes the parts of the documents that are generated from the code: docs/errors.md and the table of settings in
// docs/operations.md. With --check it fails if they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { PROBLEM_CODES, PROBLEM_KINDS } from '../src/http/problems/problem-kinds.js';
import { settingsSchema } from '../src/settings/settings.js';

const START = '<!-- settings: written by npm run docs:write -->\n';
const END = '<!-- end of settings -->';

const file = (name: string) => new URL(`../docs/${name}`, import.meta.url);

function errors(): string {
  const sections = PROBLEM_CODES.map((code) => {
    const { status, title, cause, remedy } = PROBLEM_KINDS[code];
    return `## ${code}\n\n${title}, status ${status}. ${cause}\n\n**Remedy:** ${remedy}\n`;
  });
  return `# Errors

When the service refuses a request, it answers with \`application/problem+json\` (RFC 9457). The answer has \`type\` (the address
of the problem's entry on the page /docs/errors of the service), \`code\` (stable, for programs), \`title\`, \`status\` and \`detail\`
(the first fault in words). If a request does not validate, it also has \`errors\`: for each fault, a JSON pointer into the request
and a message. The log has the same \`x-request-id\` as the answer. \`npm run docs:write\` writes this file.

${sections.join('\n')}`;
}

const size = (bytes: number) => (bytes % 2 ** 30 === 0 ? `${bytes / 2 ** 30}GiB` : `${bytes / 2 ** 20}MiB`);

function settings(): string {
  const defaults: Readonly<Record<string, unknown>> = settingsSchema.parse({});
  const rows = Object.entries(settingsSchema.shape).map(([name, schema]) => {
    const description = schema.meta()?.description ?? '';
    const value = defaults[name];
    const shown =
      Array.isArray(value) || value === undefined
        ? ''
        : `\`${name.endsWith('_BYTES') ? size(Number(value)) : value}\``;
    return `| \`${name}\` | ${shown} | ${description.replaceAll('|', '\\|')} |`;
  });
  const table = ['| setting | default | |', '|---|---|---|', ...rows].join('\n');
  const text = readFileSync(file('operations.md'), 'utf8');
  const start = text.indexOf(START) + START.length;
  return `${text.slice(0, start)}\n${table}\n\n${text.slice(text.indexOf(END))}`;
}

const texts = { 'errors.md': errors(), 'operations.md': settings() };
for (const [name, text] of Object.entries(texts)) {
  if (!process.argv.includes('--check')) writeFileSync(file(name), text);
  else if (readFileSync(file(name), 'utf8') !== text) {
    console.error(`docs/${name} is stale: npm run docs:write`);
    process.exitCode = 1;
  }
}

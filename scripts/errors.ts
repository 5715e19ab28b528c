// Writes docs/errors.md from the table of problems, or with --check fails where the file is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { PROBLEM_CODES, PROBLEM_KINDS } from '../src/plugins/problem-kinds.js';

const file = new URL('../docs/errors.md', import.meta.url);

const sections = PROBLEM_CODES.map((code) => {
  const { status, title, cause, remedy } = PROBLEM_KINDS[code];
  return `## ${code}\n\n${title}, status ${status}. ${cause}\n\n**Remedy:** ${remedy}\n`;
});
const text = `# Errors

Every refusal is \`application/problem+json\` (RFC 9457): \`type\` (the address of its entry on the service's page
/docs/errors), \`code\` (stable, for programs), \`title\`, \`status\`, \`detail\` (the first fault in words) and, for a request
that does not validate, \`errors\`: JSON pointers into the request with what is wrong there. \`x-request-id\` of the answer is
in the service's log. This file is written by \`npm run docs:errors\`.

${sections.join('\n')}`;

if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('docs/errors.md is stale: npm run docs:errors');
    process.exitCode = 1;
  }
} else writeFileSync(file, text);

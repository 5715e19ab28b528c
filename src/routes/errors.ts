import type { FastifyPluginAsync } from 'fastify';
import { PROBLEM_CODES, PROBLEM_KINDS } from '../http/problems/problem-kinds.js';

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Converts text to HTML. Backquotes mark code. */
const html = (text: string) => escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

const sections = PROBLEM_CODES.map((code) => {
  const { status, title, cause, remedy } = PROBLEM_KINDS[code];
  return (
    `<section id="${code}"><h2>${html(title)}</h2><p><code>${code}</code>, status ${status}</p>` +
    `<p>${html(cause)}</p><p><strong>Remedy:</strong> ${html(remedy)}</p></section>`
  );
});

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Errors of ghn-serve</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
section { border-top: 1px solid #8885; padding: .5rem 0 }
section:target { border-left: 4px solid #2a78d6; padding-left: 1rem }
</style>
<h1>Errors</h1>
<p>Every refusal is <code>application/problem+json</code> (RFC 9457). Its <code>code</code> is stable, and its
<code>type</code> leads here.</p>
${sections.join('\n')}
</html>
`;

/** The page that every problem's `type` points to. */
export const errors: FastifyPluginAsync = async (app) => {
  app.get('/docs/errors', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(PAGE),
  );
};

import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenAPIV3_1 } from 'openapi-types';

const document = JSON.parse(
  readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'),
) as OpenAPIV3_1.Document;

/** An answer in the form that a client receives. */
export interface Answer {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly status: number;
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body; null if it was not kept or is incomplete. */
  readonly body: string | null;
}

const PROBLEM = 'application/problem+json';

/** Paths that the document omits: itself, the pages that show it, and the files that the page at / loads. */
const UNDOCUMENTED = /^\/(openapi\.json|docs(\/.*)?|icon\.svg|assets\/.*)$/;

// For formats such as `binary`, which a validator cannot check.
const ajv = new Ajv2020({ strict: false, allErrors: true });
const ajvOfHeaders = new Ajv2020({ strict: false, allErrors: true, coerceTypes: true });
for (const instance of [ajv, ajvOfHeaders]) {
  addFormats.default(instance);
  instance.addSchema(document, 'openapi.json');
}

/** A pattern for each path in the document, with the fewest parameters first. */
const paths = Object.keys(document.paths!)
  .map((path) => ({ path, parameters: path.split('{').length - 1, expression: expressionOf(path) }))
  .sort((a, b) => a.parameters - b.parameters);

/** The name of a tensor may contain slashes. */
function expressionOf(path: string): RegExp {
  const pattern = path
    .replaceAll('.', '\\.')
    .replace(/(?<=tensors\/)\{name\}$/, '.+')
    .replaceAll(/\{[^}]+\}/g, '[^/]+');
  return new RegExp(`^${pattern}$`);
}

const validators = new Map<string, ValidateFunction>();

/** @param pointer a JSON pointer into the document */
function validator(pointer: string): ValidateFunction {
  let found = validators.get(pointer);
  if (!found) {
    found = ajv.compile({ $ref: `openapi.json#${pointer}` });
    validators.set(pointer, found);
  }
  return found;
}

const pointerTo = (...keys: readonly string[]) =>
  keys.map((key) => `/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');

/** Returns the differences between an answer and the document, or an empty list. */
export function undocumented(answer: Answer): string[] {
  const { method, status } = answer;
  const path = answer.url.split('?', 1)[0];
  const known = paths.find(({ expression }) => expression.test(path))?.path;
  if (!known)
    return UNDOCUMENTED.test(path) && status < 400
      ? []
      : problemFaults(answer, [400, 401, 403, 404, 405, 414, 429, 431]);
  const item = document.paths![known]!;
  const key = method.toLowerCase() as 'get' | 'head' | 'post' | 'delete';
  // OPTIONS is allowed on every path.
  const documented = item[key] ? key : key === 'head' && item.get ? 'get' : null;
  if (!documented) return problemFaults(answer, [400, 401, 405, 429, 431]);
  const found = item[documented]!.responses![status];
  if (!found) return [`${known} ${method} is not documented to answer ${status}`];
  const name = '$ref' in found ? found.$ref.split('/').at(-1)! : null;
  const response = (name ? document.components!.responses![name] : found) as OpenAPIV3_1.ResponseObject;
  const pointer = name
    ? pointerTo('components', 'responses', name)
    : pointerTo('paths', known, documented, 'responses', String(status));
  const faults = [...headerFaults(response, answer), ...contentFaults(response, pointer, answer)];
  return faults.map((fault) => `${method} ${known} ${status}: ${fault}`);
}

/** Returns the faults of an answer that no operation documents. */
function problemFaults(
  { method, url, status, headers, body }: Answer,
  statuses: readonly number[],
): string[] {
  const faults: string[] = [];
  if (!statuses.includes(status)) faults.push(`is not one of ${statuses.join(', ')}`);
  if (headers['x-request-id'] === undefined) faults.push('has no x-request-id');
  if (status === 405 && headers.allow === undefined) faults.push('has no allow');
  if (mediaTypeOf(headers) !== PROBLEM) faults.push(`is ${mediaTypeOf(headers)}, no problem`);
  else if (method !== 'HEAD' && body !== null) {
    faults.push(...jsonFaults(pointerTo('components', 'schemas', 'Problem'), body));
  }
  return faults.map((fault) => `${method} ${url.slice(0, 100)} ${status}: ${fault}`);
}

const mediaTypeOf = (headers: Answer['headers']) =>
  String(headers['content-type'] ?? 'nothing')
    .split(';')[0]
    .trim();

function headerFaults({ headers: documented = {} }: OpenAPIV3_1.ResponseObject, answer: Answer): string[] {
  const entries = Object.entries(documented as Record<string, OpenAPIV3_1.HeaderObject>);
  return entries.flatMap(([name, { required, schema }]) => {
    const value = answer.headers[name];
    if (value === undefined) return required ? [`the header ${name} is missing`] : [];
    // Wrapped in an object, because ajv converts numbers only inside of one.
    const validate = ajvOfHeaders.compile({ properties: { value: schema } });
    return validate({ value: String(value) }) ? [] : [`${name} is ${String(value)}: ${messages(validate)}`];
  });
}

function contentFaults(response: OpenAPIV3_1.ResponseObject, pointer: string, answer: Answer): string[] {
  const { method, headers, body } = answer;
  const mediaType = mediaTypeOf(headers);
  const content = response.content ?? {};
  if (Object.keys(content).length === 0) {
    return mediaType === 'nothing' ? [] : [`has no content, but came as ${mediaType}`];
  }
  if (!content[mediaType]) return [`is ${Object.keys(content).join(' or ')}, but came as ${mediaType}`];
  if (method === 'HEAD' || body === null) return [];
  const schema = pointer + pointerTo('content', mediaType, 'schema');
  if (mediaType.endsWith('json') && answer.status !== 206) return jsonFaults(schema, body);
  return mediaType === 'text/event-stream' ? eventFaults(schema, body) : [];
}

function jsonFaults(pointer: string, body: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return [`is not JSON: ${(error as Error).message}`];
  }
  const validate = validator(pointer);
  return validate(value) ? [] : [messages(validate)];
}

/**
 * Returns the faults of a stream's events. Each must match the documented schema, and together they must make valid
 * records, beginning with a whole one.
 */
function eventFaults(pointer: string, body: string): string[] {
  let record: object = {};
  const events = body.split('\n\n').filter((event) => event !== '' && !event.startsWith(':'));
  return events.flatMap((event) => {
    const fields: Record<string, string> = Object.fromEntries(
      event.split('\n').map((line) => line.split(/: (.*)/, 2) as [string, string]),
    );
    const validate = validator(pointer);
    if (!validate(fields)) return [messages(validate)];
    if (fields.event === 'stage') return [];
    record = { ...record, ...(JSON.parse(fields.data) as object) };
    return jsonFaults(pointerTo('components', 'schemas', 'PredictionRecord'), JSON.stringify(record));
  });
}

/** Returns the first few messages: one wrong branch of a union gives many. */
const messages = ({ errors }: ValidateFunction) =>
  (errors ?? [])
    .slice(0, 5)
    .map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`)
    .join('; ');

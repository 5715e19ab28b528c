import { isDeepStrictEqual } from 'node:util';

/** The suffix with which fastify-type-provider-zod names the schemas of requests. */
const INPUT = 'Input';
const PREFIX = '#/components/schemas/';

type Schemas = Readonly<Record<string, unknown>>;

/**
 * Gives each component schema one name. fastify-type-provider-zod makes two of each, `Graph` for answers and
 * `GraphInput` for requests. Here, a schema keeps the second name only if both are used and they differ. Unused schemas
 * are removed.
 *
 * @param rest the rest of the document, which refers to the schemas
 */
export function nameSchemasOnce<Rest>(schemas: Schemas, rest: Rest): { schemas: Schemas; rest: Rest } {
  const used = usedSchemas(schemas, rest);
  const pairs = new Set([...used].filter((name) => name.endsWith(INPUT) && used.has(plain(name))));
  // Two schemas are equal if everything that they refer to is equal too, so pairs that differ are collected until there
  // are no more.
  let differing: string[];
  do {
    differing = [...pairs].filter((name) => {
      const rename = (other: string) => (pairs.has(other) ? plain(other) : other);
      return !isDeepStrictEqual(
        withReferences(schemas[name], rename),
        withReferences(schemas[plain(name)], rename),
      );
    });
    for (const name of differing) pairs.delete(name);
  } while (differing.length > 0);
  const nameOf = (name: string) =>
    name.endsWith(INPUT) && (pairs.has(name) || !used.has(plain(name))) ? plain(name) : name;
  const named = [...used]
    .map((name) => [nameOf(name), withReferences(schemas[name], nameOf)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { schemas: Object.fromEntries(named), rest: withReferences(rest, nameOf) as Rest };
}

const plain = (name: string) => name.slice(0, -INPUT.length);

/** Returns the names of the schemas that a part of the document refers to, directly or through other schemas. */
function usedSchemas(schemas: Schemas, part: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    withReferences(value, (name) => {
      if (!found.has(name)) {
        found.add(name);
        visit(schemas[name]);
      }
      return name;
    });
  };
  visit(part);
  return found;
}

/** Returns a part of the document with other names in its references to schemas. */
function withReferences(value: unknown, nameOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, nameOf));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' && item.startsWith(PREFIX)
        ? PREFIX + nameOf(item.slice(PREFIX.length))
        : withReferences(item, nameOf),
    ]),
  );
}

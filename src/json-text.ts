const COMMA = ',';

/**
 * A value as the bytes of its JSON. Large values are passed on and written in this form, because building their objects
 * or serialising them would block the event loop.
 */
export class JsonText {
  readonly bytes: Buffer;

  /** @param bytes JSON, in UTF-8 */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static of(value: unknown): JsonText {
    return new JsonText(Buffer.from(JSON.stringify(value)));
  }

  parse(): unknown {
    return JSON.parse(this.bytes.toString());
  }
}

/** Returns the value, which may be given as its JSON. */
export const parsed = <T>(value: T | JsonText): T =>
  value instanceof JsonText ? (value.parse() as T) : value;

/**
 * Splits the values of the last keys from an object's JSON, without parsing the rest.
 *
 * @param body an object's JSON from JSON.stringify; the values before these keys must not contain such keys
 * @param keys the keys in their order; none is the first key of the object
 */
export function splitOff(
  body: Buffer,
  keys: readonly string[],
): { readonly head: Buffer; readonly values: Readonly<Record<string, JsonText>> } {
  const values: Record<string, JsonText> = {};
  // Quotes within texts are escaped, so only a key matches this.
  const starts = keys
    .map((key) => ({ key, mark: `,${JSON.stringify(key)}:` }))
    .map(({ key, mark }) => ({ key, mark, at: body.indexOf(mark) }))
    .filter(({ at }) => at >= 0);
  for (const [k, { key, mark, at }] of starts.entries()) {
    const end = starts[k + 1]?.at ?? body.length - 1;
    values[key] = new JsonText(body.subarray(at + mark.length, end));
  }
  const [first] = starts;
  return { head: first ? Buffer.concat([body.subarray(0, first.at), Buffer.from('}')]) : body, values };
}

/** Returns the JSON of an object. Some of its values may be JSON texts already. */
export function jsonOf(fields: object): Buffer {
  if (!Object.values(fields).some((value) => value instanceof JsonText)) {
    return Buffer.from(JSON.stringify(fields));
  }
  const parts: Buffer[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const bytes = value instanceof JsonText ? value.bytes : Buffer.from(JSON.stringify(value));
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : COMMA}${JSON.stringify(key)}:`), bytes);
  }
  return Buffer.concat([...parts, Buffer.from(parts.length === 0 ? '{}' : '}')]);
}

/** Returns the JSON of an object with the keys of the first and then of the second, which must be different. */
export function joined(first: object | JsonText, second: object): Buffer {
  if (!(first instanceof JsonText)) return jsonOf({ ...first, ...second });
  const more = jsonOf(second);
  const isEmpty = more.length === 2;
  return Buffer.concat([
    first.bytes.subarray(0, -1),
    ...(isEmpty ? [] : [Buffer.from(first.bytes.length > 2 ? COMMA : '')]),
    more.subarray(1),
  ]);
}

/** Writes pickles by hand: one function for each opcode that the tests need. */

export function pickle(...opcodes: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(0x80, 4), ...opcodes, Uint8Array.of(0x2e)]);
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');

function little(value: number | bigint, bytes: 1 | 4 | 8): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
  return buffer.subarray(0, bytes);
}

export const mark = latin1('(');
export const none = latin1('N');
export const emptyDict = latin1('}');
export const emptyList = latin1(']');
export const emptyTuple = latin1(')');
export const tuple1 = latin1('\x85');
export const tuple = latin1('t');
export const append = latin1('a');
export const setItem = latin1('s');
export const reduce = latin1('R');
export const build = latin1('b');
export const newObject = latin1('\x81');
export const memoize = latin1('\x94');
export const stackGlobal = latin1('\x93');
export const persistentId = latin1('Q');
export const pop = latin1('0');

export const text = (value: string) => Buffer.concat([latin1('X'), little(value.length, 4), latin1(value)]);
export const int = (value: number) => Buffer.concat([latin1('J'), little(value, 4)]);
export const get = (index: number) => Buffer.concat([latin1('j'), little(index, 4)]);
export const put = (index: number) => Buffer.concat([latin1('r'), little(index, 4)]);
export const global = (module: string, name: string) => latin1(`c${module}\n${name}\n`);

export const bytes = (value: Uint8Array) => Buffer.concat([latin1('B'), little(value.length, 4), value]);

/** Returns an opcode with a length, followed by fewer bytes than that. */
export const announced = (opcode: string, length: number | bigint, bytes: 4 | 8) =>
  Buffer.concat([latin1(opcode), little(length, bytes)]);

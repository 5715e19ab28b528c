/**
 * The virtual machine that runs a pickle: a stack with marks, and a memo. In the file, operands follow their opcode.
 */
export interface PickleMachine {
  push(value: unknown): void;
  pop(): unknown;
  /** Pops this many values. */
  take(count: number): unknown[];
  mark(): void;
  /** Pops all values above the last mark. */
  takeToMark(): unknown[];
  /** Reads an operand. */
  unsigned(bytes: 1 | 2 | 4): number | Promise<number>;
  signed32(): Promise<number>;
  float64(): Promise<number>;
  length64(): Promise<number>;
  /** Reads a value of this many bytes and pushes it. */
  integer(length: number): Promise<void>;
  text(length: number): void | Promise<void>;
  bytes(length: number): Promise<void>;
  protocol(): Promise<void>;
  memoize(index: number): void;
  memoizeNext(): void;
  recall(index: number): void;
  /** Changes the list or the dict on top of the stack. */
  append(items: readonly unknown[]): void;
  setItems(items: readonly unknown[]): void;
  globalLines(): Promise<void>;
  globalOnStack(): void;
  reduce(): void;
  build(): Promise<void>;
  newObject(): void;
  emptySet(): void;
  frozenSet(): void;
  persistentId(): void;
}

/** Calls `use` with a value, at once if it is available and otherwise when it has been read. */
export function onceRead<T, R>(value: T | Promise<T>, use: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/** Ends a pickle. The value on top of the stack is the result. */
export const STOP = 0x2e;

/** The opcodes by number, with their names in Python's pickletools. */
export const OPERATIONS: ReadonlyMap<number, (pickle: PickleMachine) => void | Promise<void>> = new Map<
  number,
  (pickle: PickleMachine) => void | Promise<void>
>([
  [0x80, (p) => p.protocol()], // PROTO
  [0x95, async (p) => void (await p.length64())], // FRAME
  [0x28, (p) => p.mark()], // MARK
  [0x30, (p) => void p.pop()], // POP
  [0x4e, (p) => p.push(null)], // NONE
  [0x88, (p) => p.push(true)], // NEWTRUE
  [0x89, (p) => p.push(false)], // NEWFALSE
  [0x4b, (p) => onceRead(p.unsigned(1), (n) => p.push(n))], // BININT1
  [0x4d, (p) => onceRead(p.unsigned(2), (n) => p.push(n))], // BININT2
  [0x4a, async (p) => p.push(await p.signed32())], // BININT
  [0x8a, (p) => onceRead(p.unsigned(1), (n) => p.integer(n))], // LONG1
  [0x8b, (p) => onceRead(p.unsigned(4), (n) => p.integer(n))], // LONG4
  [0x47, async (p) => p.push(await p.float64())], // BINFLOAT
  [0x8c, (p) => onceRead(p.unsigned(1), (n) => p.text(n))], // SHORT_BINUNICODE
  [0x58, (p) => onceRead(p.unsigned(4), (n) => p.text(n))], // BINUNICODE
  [0x8d, async (p) => p.text(await p.length64())], // BINUNICODE8
  [0x43, (p) => onceRead(p.unsigned(1), (n) => p.bytes(n))], // SHORT_BINBYTES
  [0x42, (p) => onceRead(p.unsigned(4), (n) => p.bytes(n))], // BINBYTES
  [0x8e, async (p) => p.bytes(await p.length64())], // BINBYTES8
  [0x29, (p) => p.push([])], // EMPTY_TUPLE
  [0x85, (p) => p.push(p.take(1))], // TUPLE1
  [0x86, (p) => p.push(p.take(2))], // TUPLE2
  [0x87, (p) => p.push(p.take(3))], // TUPLE3
  [0x74, (p) => p.push(p.takeToMark())], // TUPLE
  [0x5d, (p) => p.push([])], // EMPTY_LIST
  [0x61, (p) => p.append(p.take(1))], // APPEND
  [0x65, (p) => p.append(p.takeToMark())], // APPENDS
  [0x7d, (p) => p.push(new Map())], // EMPTY_DICT
  [0x73, (p) => p.setItems(p.take(2))], // SETITEM
  [0x75, (p) => p.setItems(p.takeToMark())], // SETITEMS
  [0x71, (p) => onceRead(p.unsigned(1), (n) => p.memoize(n))], // BINPUT
  [0x72, (p) => onceRead(p.unsigned(4), (n) => p.memoize(n))], // LONG_BINPUT
  [0x94, (p) => p.memoizeNext()], // MEMOIZE
  [0x68, (p) => onceRead(p.unsigned(1), (n) => p.recall(n))], // BINGET
  [0x6a, (p) => onceRead(p.unsigned(4), (n) => p.recall(n))], // LONG_BINGET
  [0x63, (p) => p.globalLines()], // GLOBAL
  [0x93, (p) => p.globalOnStack()], // STACK_GLOBAL
  [0x52, (p) => p.reduce()], // REDUCE
  [0x62, (p) => p.build()], // BUILD
  [0x81, (p) => p.newObject()], // NEWOBJ
  [0x8f, (p) => p.emptySet()], // EMPTY_SET
  [0x90, (p) => p.append(p.takeToMark())], // ADDITEMS
  [0x91, (p) => p.frozenSet()], // FROZENSET
  [0x51, (p) => p.persistentId()], // BINPERSID
]);

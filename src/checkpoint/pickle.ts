import { CheckpointError } from './error.js';
import { findGlobal } from './find-global.js';
import { BuildTarget, Callable, Constructible, Global } from './globals.js';
import { InertObject } from './inert.js';
import { NumpyArrayWrapper } from './numpy-wrapper.js';
import { OPERATIONS, onceRead, type PickleMachine, STOP } from './pickle-opcodes.js';
import type { ByteReader } from './source.js';

/**
 * A checkpoint of 10,000 tensors with the state of an optimizer takes about a million opcodes. Each opcode creates at
 * most one small object.
 */
const MAX_OPCODES = 1_000_000;

/** Limit on all strings together. The names of 10,000 tensors take a twentieth of it. */
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/** numpy's scalars have at most 16 bytes. */
const MAX_BYTES_LENGTH = 1024;

/** torch.save's magic number has 10 bytes. */
const MAX_INTEGER_BYTES = 255;

/** Maximum length of the name of a module or class. */
const MAX_NAME_BYTES = 256;

const HIGHEST_PROTOCOL = 5;

export interface PickleHooks {
  /** Returns the object for a persistent id. */
  persistentLoad?: (id: unknown) => unknown;
  /** Reads a bytes object of `length`, or returns undefined without consuming anything. */
  readBytes?: (reader: ByteReader, length: number) => Promise<unknown>;
}

/**
 * Interprets a pickle of protocol 2 to 5 and returns its value: null, booleans, numbers (bigints if too large),
 * strings, Uint8Arrays, arrays for tuples and lists, Maps for dicts, and the objects that `globals.ts` can construct.
 * It refuses, by name, every opcode and every global that checkpoints of GHNs do not need. No code in the file is
 * executed.
 */
export async function unpickle(reader: ByteReader, hooks: PickleHooks = {}): Promise<unknown> {
  return new Interpreter(reader, hooks).run();
}

class Interpreter implements PickleMachine {
  readonly #reader: ByteReader;
  readonly #hooks: PickleHooks;
  readonly #stack: unknown[] = [];
  /** The stack's heights at its marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  #textBytes = 0;
  #opcodePosition = 0;

  constructor(reader: ByteReader, hooks: PickleHooks) {
    this.#reader = reader;
    this.#hooks = hooks;
  }

  async run(): Promise<unknown> {
    for (let count = 0; count < MAX_OPCODES; count++) {
      this.#opcodePosition = this.#reader.position;
      const next = this.#reader.byte();
      // Awaiting bytes that are already buffered would cost more than most opcodes.
      const opcode = typeof next === 'number' ? next : await next;
      if (opcode === STOP) return this.#pop();
      const operation = OPERATIONS.get(opcode);
      if (!operation) {
        const character = opcode > 32 && opcode < 127 ? ` ('${String.fromCharCode(opcode)}')` : '';
        this.fail(`opcode 0x${opcode.toString(16)}${character} is not one that a checkpoint needs`);
      }
      const pending = operation(this);
      if (pending) await pending;
    }
    return this.fail(`has more than ${MAX_OPCODES} opcodes`);
  }

  fail(message: string): never {
    throw new CheckpointError(`the pickle, at byte ${this.#opcodePosition}: ${message}`);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    return this.#pop();
  }

  #pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.fail('takes more from the stack than is there');
    return this.#stack.pop();
  }

  #top(): unknown {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  take(count: number): unknown[] {
    const start = this.#stack.length - count;
    if (start < (this.#marks.at(-1) ?? 0)) this.fail('takes more from the stack than is there');
    return this.#stack.splice(start);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  takeToMark(): unknown[] {
    const start = this.#marks.pop();
    if (start === undefined) this.fail('has no mark where one should be');
    return this.#stack.splice(start);
  }

  #bytes(count: number): Buffer | Promise<Buffer> {
    return this.#reader.bytesAtHand(count) ?? this.#reader.bytes(count);
  }

  unsigned(bytes: 1 | 2 | 4): number | Promise<number> {
    return onceRead(this.#bytes(bytes), (buffer) => buffer.readUIntLE(0, bytes));
  }

  async signed32(): Promise<number> {
    return (await this.#bytes(4)).readInt32LE();
  }

  async float64(): Promise<number> {
    return (await this.#bytes(8)).readDoubleBE();
  }

  async length64(): Promise<number> {
    return this.#reader.uint64('a length');
  }

  async protocol(): Promise<void> {
    const version = await this.#reader.byte();
    if (version < 2 || version > HIGHEST_PROTOCOL) {
      this.fail(`protocol ${version}, 2 to ${HIGHEST_PROTOCOL} are read; save it again with protocol 4`);
    }
  }

  /** A two's complement integer of any length. */
  async integer(length: number): Promise<void> {
    if (length > MAX_INTEGER_BYTES)
      this.fail(`an integer of ${length} bytes, at most ${MAX_INTEGER_BYTES} are read`);
    if (length === 0) return this.push(0);
    const digits = Buffer.from(await this.#bytes(length)).reverse();
    const value = BigInt.asIntN(length * 8, BigInt(`0x${digits.toString('hex')}`));
    const small = Number(value);
    this.push(Number.isSafeInteger(small) ? small : value);
  }

  text(length: number): void | Promise<void> {
    this.#textBytes += length;
    if (this.#textBytes > MAX_TEXT_BYTES) this.fail(`holds more than ${MAX_TEXT_BYTES} bytes of text`);
    return onceRead(this.#bytes(length), (bytes) => this.push(bytes.toString()));
  }

  async bytes(length: number): Promise<void> {
    this.#reader.require(length);
    const read = await this.#hooks.readBytes?.(this.#reader, length);
    if (read !== undefined) return this.push(read);
    if (length > MAX_BYTES_LENGTH)
      this.fail(`a bytes object of ${length} bytes that is not a tensor's storage`);
    this.push(Uint8Array.from(await this.#reader.bytes(length)));
  }

  memoize(index: number): void {
    this.#memo.set(index, this.#top());
  }

  memoizeNext(): void {
    this.memoize(this.#memo.size);
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) this.fail(`recalls memo ${index}, which was never set`);
    this.push(this.#memo.get(index));
  }

  append(items: readonly unknown[]): void {
    const list = this.#top();
    if (list instanceof InertObject) return;
    if (!Array.isArray(list)) this.fail('appends to what is not a list');
    for (const item of items) list.push(item);
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.#top();
    if (dict instanceof InertObject) return;
    if (!(dict instanceof Map)) this.fail('sets items of what is not a dict');
    if (items.length % 2) this.fail('sets a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key === 'object' && key !== null)
        this.fail('has a dict key that is not a string or a number');
      dict.set(key, items[i + 1]);
    }
  }

  async globalLines(): Promise<void> {
    const module = await this.#line();
    this.#pushGlobal(module, await this.#line());
  }

  async #line(): Promise<string> {
    const shown = await this.#reader.peek(MAX_NAME_BYTES);
    const length = shown.subarray(0, MAX_NAME_BYTES).indexOf('\n');
    if (length < 0) this.fail('has a name without end');
    const line = shown.toString('utf8', 0, length);
    this.#reader.consume(length + 1);
    return line;
  }

  globalOnStack(): void {
    const [module, name] = this.take(2);
    if (typeof module !== 'string' || typeof name !== 'string')
      this.fail('names a global by what is not text');
    this.#pushGlobal(module, name);
  }

  #pushGlobal(module: string, name: string): void {
    const found = findGlobal(module, name);
    if (!found) {
      this.fail(
        `names ${JSON.stringify(`${module}.${name}`.slice(0, MAX_NAME_BYTES))}, which no GHN checkpoint needs; it is not loaded. ` +
          'Save nothing but the state dict (name to tensor) and the config of plain values',
      );
    }
    this.push(found);
  }

  reduce(): void {
    const [callable, args] = this.take(2);
    if (!(callable instanceof Callable)) this.fail(`calls ${nameOf(callable)}`);
    if (!Array.isArray(args)) this.fail(`calls ${callable.name} without a tuple of arguments`);
    this.push(this.#placed(() => callable.call(args)));
  }

  /** NEWOBJ. The class is not called. Only classes that stand for plain values are allowed. */
  newObject(): void {
    const [type, args] = this.take(2);
    if (!(type instanceof Constructible)) this.fail(`makes an object of ${nameOf(type)}`);
    if (!Array.isArray(args)) this.fail(`makes an object of ${type.name} without a tuple of arguments`);
    this.push(this.#placed(() => type.call(args)));
  }

  emptySet(): void {
    this.push(new InertObject('set'));
  }

  frozenSet(): void {
    this.takeToMark();
    this.push(new InertObject('frozenset'));
  }

  async build(): Promise<void> {
    const state = this.#pop();
    const target = this.#top();
    // A state dict's attributes are the versions of the network's modules. They do not matter for the weights.
    if (target instanceof Map) return;
    if (!(target instanceof BuildTarget)) this.fail(`sets the state of ${nameOf(target)}`);
    this.#placed(() => target.setState(state));
    if (!(target instanceof NumpyArrayWrapper)) return;
    this.#pop();
    const array = await target.read(this.#reader);
    this.push(array);
    // joblib's own reader replaces the wrapper by the array, so references to the wrapper mean the array.
    for (const [index, value] of this.#memo) if (value === target) this.#memo.set(index, array);
  }

  persistentId(): void {
    const id = this.#pop();
    const load = this.#hooks.persistentLoad;
    if (!load) this.fail('refers to something outside of it');
    this.push(this.#placed(() => load(id)));
  }

  #placed<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof CheckpointError) this.fail(error.message);
      throw error;
    }
  }
}

function nameOf(value: unknown): string {
  if (value instanceof Global) return value.name;
  return value === null ? 'None' : `a ${typeof value === 'object' ? value.constructor.name : typeof value}`;
}

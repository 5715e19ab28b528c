import type { ChildProcess } from 'node:child_process';
import type { Channel, OnMessage } from './channel.js';
import { endChild, startChild } from './child.js';
import { ALIVE_INTERVAL_MS, type Liveness } from './liveness.js';

/** The first replacement is at once, each further one without a success between waits twice as long. */
const FIRST_REPLACEMENT_DELAY_MS = 250;
const MAX_REPLACEMENT_DELAY_MS = 30_000;

export interface SupervisorOptions<Incoming> {
  /** The module that the process runs, under its built name. */
  readonly entry: URL;
  /** Node's options for it, beside those that this process was started with. */
  readonly nodeOptions?: readonly string[];
  /** How messages call the process: "the engine's process". */
  readonly name: string;
  /** A process was started, the first or another: it can be sent to. */
  readonly onStart?: () => void;
  readonly onMessage: OnMessage<Incoming>;
  /** The process has ended, and why, as a sentence. Returns whether another takes its place without being asked for. */
  readonly onEnd: (reason: string) => boolean;
  /** A process is ended because it hangs, as a sentence. */
  readonly onHang?: (message: string) => void;
  /** How it is told that a process hangs; without it a process may be silent for as long as it likes. */
  readonly liveness?: Liveness;
  /** Whether the process may be silent now. */
  readonly mayBeSilent?: () => boolean;
}

/** Starts a process of the service's own, watches it, ends it when it hangs, and replaces it. There is one at a time. */
export class Supervisor<Incoming, Outgoing> {
  readonly #options: SupervisorOptions<Incoming>;
  #process: ChildProcess | null = null;
  #channel: Channel<Incoming, Outgoing> | null = null;
  #closed = false;
  #replacements = 0;
  #failedStarts = 0;
  #timer: NodeJS.Timeout | null = null;
  #watch: NodeJS.Timeout | null = null;

  constructor(options: SupervisorOptions<Incoming>) {
    this.#options = options;
  }

  /** The process's id, or null while there is none. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** How often the process was replaced. */
  get replacements(): number {
    return this.#replacements;
  }

  /** How many starts there were since the last process that was ready and ended. */
  get failedStarts(): number {
    return this.#failedStarts;
  }

  /** Starts the process unless there is one. */
  start(): void {
    if (this.#process || this.#closed) return;
    const { entry, nodeOptions, name, liveness, onStart, onMessage } = this.#options;
    const { process, channel } = startChild<Incoming, Outgoing>(
      entry,
      (message, arrays, texts) => {
        // One that is being ended has nothing more to say.
        if (this.#process !== process) return;
        liveness?.heard();
        onMessage(message, arrays, texts);
      },
      (reason) => {
        if (this.#process === process) this.#ended(`${name} ${reason}`);
        else channel.close();
      },
      nodeOptions,
    );
    this.#process = process;
    this.#channel = channel;
    if (liveness) {
      liveness.starts();
      this.#watch ??= setInterval(() => this.#check(liveness), ALIVE_INTERVAL_MS).unref();
    }
    onStart?.();
  }

  /** The process is ready for what it is for: a later end is no failed start. */
  started(): void {
    this.#options.liveness?.started();
    this.#failedStarts = 0;
  }

  /** Sends a message; resolves when its bytes are on the way, or at once where there is no process. */
  async send(
    message: Outgoing,
    arrays?: readonly Float32Array[],
    texts?: readonly Uint8Array[],
  ): Promise<void> {
    await this.#channel?.send(message, arrays, texts);
  }

  /** Ends the process, and goes on without it where even that does not come to pass: it may wait within the kernel. */
  end(): void {
    const process = this.#process;
    if (!process) return;
    void endChild(process).then(() => {
      if (this.#process === process) this.#ended(`${this.#options.name} cannot be ended, and is left behind`);
    });
  }

  /** As `end`, and says why. */
  endBecause(reason: string): void {
    if (!this.#process) return;
    this.#options.onHang?.(`${this.#options.name} ${reason}: it is ended`);
    this.end();
  }

  /** Ends the process without a word, until it is started again. */
  rest(): void {
    const process = this.#process;
    if (!process) return;
    this.#process = null;
    this.#channel = null;
    void endChild(process);
  }

  /** Ends the process for good, and waits until it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#watch) clearInterval(this.#watch);
    if (this.#process) await endChild(this.#process);
  }

  #check(liveness: Liveness): void {
    if (!this.#process || this.#options.mayBeSilent?.()) return;
    const reason = liveness.tick();
    if (reason) this.endBecause(reason);
  }

  #ended(reason: string): void {
    this.#process = null;
    this.#channel?.close();
    this.#channel = null;
    if (!this.#options.onEnd(reason) || this.#closed) return;
    const failed = this.#failedStarts++;
    const delay = failed === 0 ? 0 : FIRST_REPLACEMENT_DELAY_MS * 2 ** (failed - 1);
    this.#replacements++;
    this.#timer = setTimeout(() => this.start(), Math.min(delay, MAX_REPLACEMENT_DELAY_MS));
  }
}

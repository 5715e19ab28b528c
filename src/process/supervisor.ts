import type { ChildProcess } from 'node:child_process';
import type { Channel, OnMessage } from './channel.js';
import { endChild, startChild } from './child.js';
import { ALIVE_INTERVAL_MS, type Liveness } from './liveness.js';

/** The first replacement starts at once. Each further one waits twice as long, until a start succeeds. */
const FIRST_REPLACEMENT_DELAY_MS = 250;
const MAX_REPLACEMENT_DELAY_MS = 30_000;

export interface SupervisorOptions<Incoming> {
  /** The module that the process runs, under its built name. */
  readonly entry: URL;
  /** Node's options for the process, in addition to those that this process was started with. */
  readonly nodeOptions?: readonly string[];
  /** Name of the process in messages, such as "the engine's process". */
  readonly name: string;
  /** Called when a process, the first or a replacement, was started and can receive messages. */
  readonly onStart?: () => void;
  readonly onMessage: OnMessage<Incoming>;
  /**
   * Called with the reason, as a sentence, when the process has ended. Returns true if the supervisor should replace it
   * now.
   */
  readonly onEnd: (reason: string) => boolean;
  /** Called with a sentence when a process is ended because it hangs. */
  readonly onHang?: (message: string) => void;
  /** Detects a process that hangs. Without it, a process may be silent for any time. */
  readonly liveness?: Liveness;
  /** Returns true while the process may be silent. */
  readonly mayBeSilent?: () => boolean;
}

/** Starts a child process, watches it, ends it when it hangs, and replaces it. There is one process at a time. */
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

  /** The process's id; null while there is no process. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Number of times that the process was replaced. */
  get replacements(): number {
    return this.#replacements;
  }

  /** Number of starts since the last one that became ready. */
  get failedStarts(): number {
    return this.#failedStarts;
  }

  /** Starts the process unless it is running. */
  start(): void {
    if (this.#process || this.#closed) return;
    const { entry, nodeOptions, name, liveness, onStart, onMessage } = this.#options;
    const { process, channel } = startChild<Incoming, Outgoing>(
      entry,
      (message, arrays, texts) => {
        // Messages of a process that is being ended are ignored.
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

  /** Marks the start as successful: if the process ends later, that is not a failed start. */
  started(): void {
    this.#options.liveness?.started();
    this.#failedStarts = 0;
  }

  /** Sends a message. Resolves once the operating system has its bytes, or at once if there is no process. */
  async send(
    message: Outgoing,
    arrays?: readonly Float32Array[],
    texts?: readonly Uint8Array[],
  ): Promise<void> {
    await this.#channel?.send(message, arrays, texts);
  }

  /** Ends the process. If it does not exit, because it waits in the kernel, the supervisor goes on without it. */
  end(): void {
    const process = this.#process;
    if (!process) return;
    void endChild(process).then(() => {
      if (this.#process === process)
        this.#ended(`${this.#options.name} cannot be ended; the service goes on without it`);
    });
  }

  /** Ends the process as `end` does, and reports the reason. */
  endBecause(reason: string): void {
    if (!this.#process) return;
    this.#options.onHang?.(`${this.#options.name} ${reason}: it is ended`);
    this.end();
  }

  /** Ends the process without a report. `start` starts it again. */
  rest(): void {
    const process = this.#process;
    if (!process) return;
    this.#process = null;
    this.#channel = null;
    void endChild(process);
  }

  /** Ends the process for good, and waits until it has exited. */
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

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const SCRIPT = fileURLToPath(new URL('./authors.py', import.meta.url));

const greeting = z.object({ torch: z.string(), threads: z.int(), tasks: z.array(z.enum(['qr', 'predict'])) });
const answer = z.object({ seconds: z.number() });

export type AuthorsTask =
  | {
      readonly task: 'qr';
      readonly network: string;
      readonly shapes: readonly (readonly number[])[];
      readonly channels: number;
    }
  | { readonly task: 'predict'; readonly network: string; readonly size: object };

/**
 * Runs tasks in a Python process with PyTorch, and the authors' package if it is installed, and measures their time.
 */
export class Authors {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #greeting: z.infer<typeof greeting>;

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, said: z.infer<typeof greeting>) {
    this.#process = process;
    this.#lines = lines;
    this.#greeting = said;
  }

  /** Starts the Python in the environment variable PYTHON, or python3. Returns null if it has no PyTorch. */
  static async start(): Promise<Authors | null> {
    const child = spawn(process.env.PYTHON ?? 'python3', [SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => {});
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    return done ? null : new Authors(child, lines, greeting.parse(JSON.parse(value)));
  }

  get description(): string {
    return `PyTorch ${this.#greeting.torch}, ${this.#greeting.threads} threads`;
  }

  /** Returns the seconds that the task takes there; null if it cannot run there. */
  async seconds(task: AuthorsTask): Promise<number | null> {
    if (!this.#greeting.tasks.includes(task.task)) return null;
    this.#process.stdin!.write(`${JSON.stringify(task)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the Python process ended while it did ${task.task} of ${task.network}`);
    return answer.parse(JSON.parse(value)).seconds;
  }

  stop(): void {
    this.#process.kill();
  }
}

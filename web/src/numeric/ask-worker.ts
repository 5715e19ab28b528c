/**
 * Sends questions to a worker, which answers them in any order. If the worker fails, all open questions are rejected.
 */
export class Asker<Question extends object, Answer> {
  readonly #start: () => Worker;
  #worker: Worker | null = null;
  #last = 0;
  readonly #open = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();

  constructor(start: () => Worker) {
    this.#start = start;
  }

  ask(question: Question): Promise<Answer> {
    this.#worker ??= this.#listen();
    const id = ++this.#last;
    const { promise, resolve, reject } = withResolvers<Answer>();
    this.#open.set(id, { resolve, reject });
    this.#worker.postMessage({ id, ...question });
    return promise;
  }

  #listen(): Worker {
    const worker = this.#start();
    worker.onmessage = ({ data }: MessageEvent<Answer & { id: number }>) => {
      this.#open.get(data.id)?.resolve(data);
      this.#open.delete(data.id);
    };
    worker.onerror = ({ message }) => {
      for (const { reject } of this.#open.values())
        reject(new Error(message || 'a background computation failed'));
      this.#open.clear();
      worker.terminate();
      this.#worker = null;
    };
    return worker;
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { promise, resolve, reject };
}

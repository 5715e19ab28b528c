import type { Span, Tracer } from '../tracing/tracer.js';
import type { JobHandler, Made, WorkedJob } from './board/board.js';

/** Wraps a handler and traces its jobs: the wait in the queue, each stage, and the save. */
export class TracedHandler implements JobHandler {
  readonly #tracer: Tracer;
  readonly #handler: JobHandler;
  readonly #spans = new WeakMap<WorkedJob, Span>();

  constructor(tracer: Tracer, handler: JobHandler) {
    this.#tracer = tracer;
    this.#handler = handler;
  }

  async make(job: WorkedJob, signal: AbortSignal): Promise<Made | null> {
    const { id, architecture, ghn } = job.record;
    const { traceparent: parent, since } = job.origin;
    const waited = this.#tracer.start('queue', { parent, kind: 'producer', start: since });
    waited.end();
    const attributes = {
      'prediction.id': id,
      'architecture.name': architecture.name,
      'architecture.nodes': architecture.nodes,
      'ghn.id': ghn.id,
    };
    const span = this.#tracer.start('predict', { parent, kind: 'consumer', attributes });
    this.#spans.set(job, span);
    let stage: Span | undefined;
    const told: WorkedJob = {
      plan: job.plan,
      origin: job.origin,
      mayBeStored: job.mayBeStored,
      get record() {
        return job.record;
      },
      confirm: () => job.confirm(),
      update: (fields) => job.update(fields),
      begin: (name) => {
        stage?.end();
        stage = this.#tracer.start(name, { parent: span.traceparent });
        job.begin(name);
      },
    };
    try {
      const made = await this.#handler.make(told, signal);
      stage?.end();
      if (!made) span.end();
      return made;
    } catch (error) {
      stage?.end(error as Error);
      span.end(error as Error);
      throw error;
    }
  }

  async keep(job: WorkedJob, made: Made, signal?: AbortSignal): Promise<void> {
    const span = this.#spans.get(job);
    const storing = this.#tracer.start('store', { parent: span?.traceparent });
    try {
      await this.#handler.keep(job, made, signal);
      storing.end();
      span?.end();
    } catch (error) {
      storing.end(error as Error);
      span?.end(error as Error);
      throw error;
    }
  }
}

import { AsyncLocalStorage } from 'node:async_hooks';

export type Attributes = Readonly<Record<string, string | number>>;

export type SpanKind = 'internal' | 'server' | 'producer' | 'consumer';

export interface SpanOptions {
  /** The span that it is part of, as W3C's `traceparent`; none where that cannot be read. */
  readonly parent?: string;
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Milliseconds since 1970; by default now. */
  readonly start?: number;
}

/** One step of a trace. */
export interface Span {
  /** Identifies the span for services that continue the trace. */
  readonly traceparent: string;
  note(attributes: Attributes): void;
  /** @param error by which it failed */
  end(error?: Error): void;
}

/** Takes down which step took how long, across services. */
export interface Tracer {
  start(name: string, options?: SpanOptions): Span;
  /** Sends the recorded spans. */
  close(): Promise<void>;
}

interface Current {
  readonly tracer: Tracer;
  readonly span: Span;
}

const current = new AsyncLocalStorage<Current>();

/** Calls a function, and what it calls and waits for, as part of a span. */
export const within = <T>(tracer: Tracer, span: Span, call: () => T): T =>
  current.run({ tracer, span }, call);

/** The span that is under way here; undefined where there is none. */
export const currentTraceparent = (): string | undefined => current.getStore()?.span.traceparent;

/** Does a step of the span that is under way, as one of its own where there is one. */
export async function traced<T>(name: string, step: () => Promise<T>): Promise<T> {
  const here = current.getStore();
  if (!here) return step();
  const { tracer } = here;
  const span = tracer.start(name, { parent: here.span.traceparent });
  try {
    const result = await within(tracer, span, step);
    span.end();
    return result;
  } catch (error) {
    span.end(error as Error);
    throw error;
  }
}

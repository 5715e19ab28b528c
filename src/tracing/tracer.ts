import { AsyncLocalStorage } from 'node:async_hooks';

export type Attributes = Readonly<Record<string, string | number>>;

export type SpanKind = 'internal' | 'server' | 'producer' | 'consumer';

export interface SpanOptions {
  /** The parent span, as W3C's `traceparent`. A malformed one counts as none. */
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
  /** @param error the error of a step that failed */
  end(error?: Error): void;
}

/** Records the steps of a request and their durations, across services. */
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

/** Calls a function as part of a span, including everything that it calls and awaits. */
export const within = <T>(tracer: Tracer, span: Span, call: () => T): T =>
  current.run({ tracer, span }, call);

/** Returns the current span; undefined if there is none. */
export const currentTraceparent = (): string | undefined => current.getStore()?.span.traceparent;

/** Runs a step as a child of the current span, if there is one. */
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

import type { Tracer } from './tracer.js';

/** OpenTelemetry's variables that turn tracing on. */
const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/**
 * Returns the tracer that OpenTelemetry's variables configure; null if they configure none. In that case, no part of
 * OpenTelemetry is loaded.
 */
export async function openTracer(
  environment: Readonly<Record<string, string | undefined>>,
  version: string,
): Promise<Tracer | null> {
  const isOff =
    environment.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || environment.OTEL_TRACES_EXPORTER === 'none';
  if (isOff || !ENDPOINTS.some((name) => environment[name])) return null;
  const { OpenTelemetryTracer } = await import('./open-telemetry.js');
  return new OpenTelemetryTracer(version);
}

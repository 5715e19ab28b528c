import type { Tracer } from './tracer.js';

/** Variables of OpenTelemetry that switch tracing on. */
const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/**
 * The tracer that OpenTelemetry's variables ask for; null where they ask for none, and nothing of OpenTelemetry is
 * loaded then.
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

import type { PredictionRecord } from '../../record/record.js';

/** The stages of a prediction as a `server-timing` header: of one that was stored already they are no news. */
export function serverTiming(latency: PredictionRecord['latency_ms'], cached: boolean): string {
  if (cached || !latency) return 'store;desc="hit"';
  const stages = ['parse', 'graph', 'encode', 'decode', 'postprocess'] as const;
  return stages.map((stage) => `${stage};dur=${latency[stage].toFixed(2)}`).join(', ');
}

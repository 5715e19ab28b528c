import type { PredictionRecord } from '../../record/record.js';

/** Returns a `server-timing` header with the stages of a prediction, or a hit if the prediction was stored before. */
export function serverTiming(latency: PredictionRecord['latency_ms'], cached: boolean): string {
  if (cached || !latency) return 'store;desc="hit"';
  const stages = ['parse', 'graph', 'encode', 'decode', 'postprocess'] as const;
  return stages.map((stage) => `${stage};dur=${latency[stage].toFixed(2)}`).join(', ');
}

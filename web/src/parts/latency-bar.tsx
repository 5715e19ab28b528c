import type { PredictionRecord } from '../../../clients/typescript/src/index.js';
import { duration } from '../app/format.js';

const STAGES = ['parse', 'graph', 'encode', 'decode', 'postprocess', 'serialize'] as const;

/** A bar whose parts show the duration of each stage of a prediction. */
export function LatencyBar({
  latency,
  isNamed = false,
}: {
  latency: NonNullable<PredictionRecord['latency_ms']>;
  isNamed?: boolean;
}) {
  const parts = STAGES.map((stage) => ({ stage, milliseconds: latency[stage] })).filter(
    (part) => part.milliseconds > 0,
  );
  const total = parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0) || 1;
  const words = parts.map(({ stage, milliseconds }) => `${stage} ${duration(milliseconds)}`).join(', ');
  return (
    <div class="latency">
      <div class="latency-bar" role="img" aria-label={words} title={words}>
        {parts.map(({ stage, milliseconds }) => (
          <span key={stage} class={`stage-${stage}`} style={{ width: `${(100 * milliseconds) / total}%` }} />
        ))}
      </div>
      {isNamed && (
        <ul class="legend">
          {parts.map(({ stage, milliseconds }) => (
            <li key={stage}>
              <span class={`swatch stage-${stage}`} /> {stage} {duration(milliseconds)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

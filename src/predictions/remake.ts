import { buildArchitecture } from '../architecture/graph.js';
import { parseKeras } from '../architecture/keras/parse.js';
import { parsed } from '../json-text.js';
import type { PredictorDescription } from '../predictor/protocol.js';
import type { PredictionRemains } from '../store/store.js';
import { NotFoundError } from './errors.js';
import { type Plan, plan } from './plan.js';
import { UNLIMITED } from './resolve.js';

/**
 * Plans a lost prediction again, so that it gets the same bytes.
 *
 * @throws NotFoundError if the GHN, engine or numerics in use now would give other bytes
 */
export function planAgain(
  { record, architecture: graph, kerasModel }: PredictionRemains,
  description: PredictorDescription,
): Plan {
  const { id, created_at, request, ghn, architecture } = record;
  // The GHN may have another name now: only the digest counts.
  const loaded = description.ghns.find(({ digest }) => digest === ghn.digest);
  if (loaded) {
    const start = performance.now();
    const read = kerasModel
      ? parseKeras({ keras: parsed(kerasModel) }, UNLIMITED, request.unsupported)
      : buildArchitecture(parsed(graph), UNLIMITED);
    const again = plan(
      { ...request, ghn: request.ghn ?? undefined },
      read,
      performance.now() - start,
      loaded,
      description,
    );
    if (again.record.id === id) {
      return { ...again, record: { ...again.record, created_at, request, ghn, architecture } };
    }
  }
  throw new NotFoundError(
    `the prediction ${JSON.stringify(id)} was found corrupt in the store and removed, and it cannot be made again: its GHN, ` +
      `${ghn.id} (${ghn.digest}), or the engine, its version or the numerics revision is no longer in use. ` +
      'Send the request again to get a new prediction',
  );
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { quote } from '../../architecture/faults.js';
import { requestSignal } from '../../http/answers/request-signal.js';
import { InvalidRequestError, NotFoundError } from '../../predictions/errors.js';
import type { Predictions } from '../../predictions/predictions.js';
import type { ReadyPrediction } from '../../predictions/ready-prediction.js';
import { type PredictRequest, readPredictRequest } from '../../predictions/request.js';
import { coded, withCode } from './errors.js';
import { isDefault, isPredictionId, optionsOf } from './revision.js';

/** The two parts of a repository's name. */
export interface Repository {
  /** The id of a GHN. */
  readonly ghn: string;
  /** The name of an architecture, or the id of a prediction. */
  readonly model: string;
}

/** Finds or makes the prediction for a repository and a revision. */
export class HubFinder {
  readonly #predictions: Predictions;
  readonly #timeoutMilliseconds: number;
  readonly #clientOf: (request: FastifyRequest) => string;

  constructor(
    predictions: Predictions,
    timeoutMilliseconds: number,
    clientOf: (request: FastifyRequest) => string,
  ) {
    this.#predictions = predictions;
    this.#timeoutMilliseconds = timeoutMilliseconds;
    this.#clientOf = clientOf;
  }

  /** Returns the prediction for a repository and a revision. The caller has to release it. */
  async find(
    { ghn, model: name }: Repository,
    wanted: string,
    reply: FastifyReply,
  ): Promise<ReadyPrediction> {
    const signal = requestSignal(reply, this.#timeoutMilliseconds);
    const ids = [name, wanted].filter(isPredictionId);
    if (ids.length > 0) {
      const found = await withCode(reply, isPredictionId(wanted) ? 'RevisionNotFound' : 'RepoNotFound', () =>
        this.#predictions.open(ids.at(-1)!),
      );
      const { record } = found;
      const isOther = record.ghn.id !== ghn || (!isPredictionId(name) && record.architecture.name !== name);
      if (!isOther && (isPredictionId(wanted) || isDefault(wanted)) && (ids.length < 2 || ids[0] === ids[1]))
        return found;
      found.release();
      throw coded(
        reply,
        'RevisionNotFound',
        new NotFoundError(
          `${quote(`${ghn}/${name}`)} has no revision ${quote(wanted)}; the prediction is of ${record.ghn.id}/${record.architecture.name}`,
        ),
      );
    }
    const request = await withCode(reply, 'RevisionNotFound', async () => this.#requestOf(ghn, name, wanted));
    return withCode(reply, 'RepoNotFound', () =>
      this.#predictions.predict(request, signal, this.#clientOf(reply.request)),
    );
  }

  /** @throws NotFoundError if the revision is not a list of options, or an option has an invalid value */
  #requestOf(ghn: string, name: string, wanted: string): PredictRequest {
    const body = { architecture: name, ghn, ...optionsOf(wanted) };
    try {
      return readPredictRequest(body, this.#predictions.limits);
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      const [fault] = error.faults;
      throw new NotFoundError(
        `there is no revision ${quote(wanted)}: ${fault?.path.slice(1)} ${fault?.message}`,
      );
    }
  }
}

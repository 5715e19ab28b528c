import { JsonText } from '../../json-text.js';
import { PredictorUnavailableError } from '../../predictor/executor.js';
import type { PredictorDescription } from '../../predictor/protocol.js';
import { Aside, type Done } from '../../process/aside.js';
import type { PredictionRecord } from '../../record/record.js';
import type { PredictionRemains } from '../../store/store.js';
import type { Plan } from '../plan.js';
import type { BuiltModel, NoModel } from '../tfjs-model.js';
import { type Planner, planHere } from './planner.js';
import { type FromPlanner, receivedError, type ToPlanner } from './protocol.js';
import { receivedPlan } from './sent-plan.js';

export interface PlanningProcessOptions {
  /** Memory for the objects of one architecture, in MiB. */
  readonly heapMegabytes: number;
  readonly timeoutMilliseconds: number;
}

/**
 * Plans large architectures, which are texts, in a separate process, so that other requests do not wait for them.
 * Small ones are planned in this process.
 */
export class PlanningProcess implements Planner {
  readonly #aside: Aside<ToPlanner, FromPlanner>;

  constructor(options: PlanningProcessOptions) {
    this.#aside = new Aside({
      ...options,
      entry: new URL('./process.js', import.meta.url),
      name: 'the process that plans large predictions',
      errors: {
        outOfMemory: () =>
          new PredictorUnavailableError('there is not enough memory to read the architecture again'),
        ended: (reason) => new PredictorUnavailableError(reason),
        timedOut: (milliseconds) =>
          new PredictorUnavailableError(`the architecture took longer than ${milliseconds} ms to read`),
      },
    });
  }

  async again(remains: PredictionRemains, description: PredictorDescription): Promise<Plan> {
    const { record, architecture, kerasModel } = remains;
    if (!(architecture instanceof JsonText) && !(kerasModel instanceof JsonText)) {
      return planHere.again(remains, description);
    }
    const texts = [architecture, ...(kerasModel === undefined ? [] : [kerasModel])].map(bytesOf);
    const { message, texts: made } = await this.#run({ type: 'again', record, description }, texts);
    if (message.type !== 'plan') throw unexpected(message);
    return receivedPlan(message.plan, [...made]);
  }

  async model(kerasModel: unknown, record: PredictionRecord): Promise<BuiltModel | NoModel> {
    if (!(kerasModel instanceof JsonText)) return planHere.model(kerasModel, record);
    const { message, texts } = await this.#run({ type: 'model', record }, [kerasModel.bytes]);
    if (message.type !== 'model') throw unexpected(message);
    if ('reason' in message.model) return message.model;
    return { ...message.model, modelJson: texts[0] };
  }

  async close(): Promise<void> {
    await this.#aside.close();
  }

  /** The task goes on when its clients give up, since other clients may wait for the same result. */
  #run(task: ToPlanner, texts: readonly Uint8Array[]): Promise<Done<FromPlanner>> {
    return this.#aside.run(task, texts, '', new AbortController().signal);
  }
}

const bytesOf = (value: unknown): Uint8Array =>
  value instanceof JsonText ? value.bytes : JsonText.of(value).bytes;

const unexpected = (message: FromPlanner): Error =>
  message.type === 'error'
    ? receivedError(message)
    : new Error(`the process that plans answered with ${message.type}`);

import type { components, paths } from './api.js';

type Json<Responses, Status extends keyof Responses> = Responses[Status] extends {
  content: { 'application/json': infer Body };
}
  ? Body
  : never;

type Answer<Path extends keyof paths> = paths[Path] extends { get: { responses: infer Responses } }
  ? 200 extends keyof Responses
    ? Json<Responses, 200>
    : never
  : never;

/** One request to `POST /predict`. */
export type PredictRequest = components['schemas']['PredictRequest'];
/** The result of one request in a list. */
export type PredictionResult = components['schemas']['PredictionResults']['results'][number];
export type Architecture = PredictRequest['architecture'];
/** The record of a prediction: status, latency, statistics, links. */
export type PredictionRecord = Answer<'/predictions/{id}'>;
export type Graph = Answer<'/predictions/{id}/architecture'>;
export type Statistics = Answer<'/predictions/{id}/statistics'>;
export type TensorStatistics = Statistics['tensors'][number];
export type ArchitectureSummary = Answer<'/architectures'>['architectures'][number];
export type Ghn = Answer<'/ghns'>['ghns'][number];

/** A stage of a prediction, in the order of execution. */
export type Stage = 'graph' | 'encode' | 'decode' | 'postprocess';

/** A server-sent event of a prediction: its record changed, or a stage began. */
export type PredictionEvent =
  | { readonly type: 'record'; readonly record: PredictionRecord }
  | { readonly type: 'stage'; readonly stage: Stage };

import type { OpenAPIV3 } from 'openapi-types';

type Links = NonNullable<OpenAPIV3.ResponseObject['links']>;

const link = (operationId: string, parameters: Readonly<Record<string, string>>): OpenAPIV3.LinkObject => ({
  operationId,
  parameters,
});

/**
 * Links from a prediction to its resources, for the OpenAPI document. `id` is a runtime expression for the prediction's
 * id.
 */
export const predictionLinks = (id: string): Links => ({
  record: link('getPrediction', { id }),
  events: link('followPrediction', { id }),
  weights: link('downloadWeights', { id }),
  statistics: link('getStatistics', { id }),
  architecture: link('getPredictionArchitecture', { id }),
  model: link('getTfjsModel', { id }),
  delete: link('deletePrediction', { id }),
});

const ID = '$request.path.id';

/** Links from a prediction's statistics to its tensors, by name. */
export const tensorLinks: Links = {
  tensor: link('downloadTensor', { id: ID, name: '$response.body#/tensors/0/name' }),
};

/** Links from a TensorFlow.js model to the weights files that it names. */
export const modelLinks: Links = {
  weights: link('downloadTfjsWeights', { id: ID, shard: '$response.body#/weightsManifest/0/paths/0' }),
};

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { FAMILY_NAMES, familyOf } from '../ghn/families/index.js';
import { jsonResponse, unavailable } from '../http/answers/responses.js';
import { type Executor, PredictorUnavailableError } from '../predictor/executor.js';

const ghnSchema = z
  .object({
    id: z.string().describe('The name that a request gives in `ghn`.'),
    family: z.enum(FAMILY_NAMES),
    hidden: z.int().describe('d, the size of a node’s state.'),
    layers: z.int(),
    heads: z.int(),
    max_shape: z.array(z.int()).length(4).describe('[C, C, S, S]: the largest block it decodes.'),
    num_classes: z.int(),
    parameters: z.int(),
    digest: z.string().describe('sha256 of the checkpoint file.'),
    default: z.boolean(),
  })
  .meta({ id: 'Ghn' });

const ghnsSchema = z
  .object({
    ghns: z.array(ghnSchema),
    engine: z.enum(['tensorflow', 'onnxruntime', 'wasm']),
    device: z.enum(['cpu', 'cuda', 'webgpu']),
    card: z
      .object({ name: z.string(), memory_bytes: z.int() })
      .nullable()
      .describe('The GPU that computes. Null on a CPU, or if the GPU’s driver does not say.'),
  })
  .meta({ id: 'GhnList' });

export const ghns: FastifyPluginAsyncZod<{ predictor: Executor }> = async (app, { predictor }) => {
  app.get(
    '/ghns',
    {
      schema: {
        tags: ['catalogue'],
        operationId: 'listGhns',
        summary: 'The GHNs that are loaded',
        description: 'The list also names the engine and the device. A request chooses a GHN by its `id`.',
        response: {
          200: jsonResponse('The GHNs.', ghnsSchema),
          503: unavailable('The GHNs are not loaded yet'),
        },
      },
    },
    async () => {
      const { description } = predictor;
      if (!description) throw new PredictorUnavailableError('the GHNs are being loaded');
      const { card } = description.engine;
      return {
        ghns: description.ghns.map(({ id, config, parameters, digest }, index) => ({
          id,
          family: familyOf(config).name,
          hidden: config.hidden,
          layers: config.layers,
          heads: config.heads,
          max_shape: [config.channels, config.channels, config.spatial, config.spatial],
          num_classes: config.numClasses,
          parameters,
          digest,
          default: index === 0,
        })),
        engine: description.engine.name,
        device: description.engine.device,
        card: card && { name: card.name, memory_bytes: card.memoryBytes },
      };
    },
  );
};

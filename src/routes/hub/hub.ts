import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { quote } from '../../architecture/faults.js';
import { type ByteSource, ReadyBytes } from '../../format/layout.js';
import { jsonResponse, problemResponse, unavailable } from '../../http/answers/responses.js';
import { sendBytes } from '../../http/answers/send-bytes.js';
import { whenClosed } from '../../http/answers/when-closed.js';
import { NotFoundError } from '../../predictions/errors.js';
import type { Predictions } from '../../predictions/predictions.js';
import type { ReadyPrediction } from '../../predictions/ready-prediction.js';
import { type Representation, weightsSource } from '../../predictions/weights.js';
import type { PredictionRecord } from '../../record/record.js';
import { downloadHeaders, downloadResponses } from '../downloads.js';
import { weightsEtag } from '../predictions/weights-file.js';
import { coded } from './errors.js';
import { FILE_NAMES, TEXT_FILES, WEIGHTS_FILE } from './files.js';
import { HubFinder } from './finder.js';
import { MAIN } from './revision.js';

const repository = z.object({
  ghn: z.string().describe('An id of GET /ghns.'),
  model: z.string().describe('A name of GET /architectures, or the id of a prediction.'),
});
const revision = z
  .string()
  .describe('`main`, the id of a prediction, or options such as `num_classes=10,orthogonalize`.');

const infoSchema = z
  .object({
    id: z.string(),
    modelId: z.string(),
    author: z.string(),
    sha: z.string().describe('The prediction’s id.'),
    lastModified: z.string(),
    createdAt: z.string(),
    private: z.literal(false),
    gated: z.literal(false),
    disabled: z.literal(false),
    downloads: z.int(),
    likes: z.int(),
    library_name: z.string(),
    tags: z.array(z.string()),
    siblings: z.array(z.object({ rfilename: z.string(), size: z.int(), blobId: z.string() })),
  })
  .meta({ id: 'HubModel' });

const treeSchema = z.array(
  z
    .object({ type: z.literal('file'), path: z.string(), size: z.int(), oid: z.string() })
    .meta({ id: 'HubFile' }),
);

const download = downloadResponses(
  'The file.',
  { 'x-repo-commit': z.string().describe('The prediction’s id.') },
  ['application/octet-stream', 'text/markdown'],
);
const fileResponses = {
  ...download,
  200: {
    ...download[200],
    content: { ...download[200].content, 'application/json': { schema: z.looseObject({}) } },
  },
};

/** Clients ask for additional information in the query, which the service ignores. */
const anyQuery = z.looseObject({});

interface HubFile {
  readonly source: ByteSource;
  readonly etag: string;
  readonly contentType: string;
}

export interface HubOptions {
  readonly predictions: Predictions;
  readonly timeoutMilliseconds: number;
  /** Identifies the client: a key or an address. */
  readonly clientOf: (request: FastifyRequest) => string;
}

/**
 * The API of Hugging Face's hub, for clients whose `HF_ENDPOINT` is this service. The name of a repository consists of
 * a GHN's id and an architecture's name. Its files are predicted when they are requested.
 */
export const hub: FastifyPluginAsyncZod<HubOptions> = async (
  app,
  { predictions, timeoutMilliseconds, clientOf },
) => {
  const finder = new HubFinder(predictions, timeoutMilliseconds, clientOf);

  function fileOf({ record, tensors }: ReadyPrediction, path: string): HubFile | null {
    if (path === WEIGHTS_FILE) {
      const representation: Representation = { format: 'safetensors', dtype: record.request.dtype };
      return {
        source: weightsSource(record, tensors, representation),
        etag: weightsEtag(record, representation),
        contentType: 'application/octet-stream',
      };
    }
    const file = Object.hasOwn(TEXT_FILES, path) ? TEXT_FILES[path] : undefined;
    if (!file) return null;
    const bytes = Buffer.from(file.write(record));
    return { source: new ReadyBytes(bytes), etag: `"${sha1(bytes)}"`, contentType: file.contentType };
  }

  const filesOf = (prediction: ReadyPrediction) =>
    FILE_NAMES.map((path) => {
      const { source, etag } = fileOf(prediction, path)!;
      return { path, size: source.byteLength, oid: sha1(etag) };
    });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/:ghn/:model/resolve/:revision/*',
    schema: {
      tags: ['hub'],
      operationId: 'downloadHubFile',
      summary: 'Download a file of a predicted network, as from the Hugging Face Hub',
      description:
        'If HF_ENDPOINT is set to this service, `hf_hub_download("ghn3-t/resnet50", "model.safetensors")` predicts the network and downloads its weights. The files are model.safetensors, config.json and README.md.',
      params: repository.extend({ revision, '*': z.string().describe('The file’s name.') }),
      querystring: anyQuery,
      headers: downloadHeaders,
      response: {
        ...fileResponses,
        404: problemResponse('No such GHN, architecture, revision or file; `x-error-code` says which'),
        503: unavailable('Overloaded or not ready'),
      },
    },
    handler: async (request, reply) => {
      const { '*': path, revision: wanted } = request.params;
      if (path !== WEIGHTS_FILE && !Object.hasOwn(TEXT_FILES, path)) {
        throw coded(
          reply,
          'EntryNotFound',
          new NotFoundError(`no file is called ${quote(path)}; there are ${FILE_NAMES.join(', ')}`),
        );
      }
      const prediction = await finder.find(request.params, wanted, reply);
      whenClosed(reply, prediction.release);
      reply.headers(commitOf(prediction.record));
      return sendBytes(request as FastifyRequest, reply, fileOf(prediction, path)!);
    },
  });

  const modelResponses = {
    200: jsonResponse('The repository’s revision and files.', infoSchema),
    404: problemResponse('No such GHN, architecture or revision; `x-error-code` says which'),
    503: unavailable('Overloaded or not ready'),
  };

  async function describe(
    { params }: { readonly params: z.infer<typeof repository> & { readonly revision?: string } },
    reply: FastifyReply,
  ): Promise<z.infer<typeof infoSchema>> {
    const prediction = await finder.find(params, params.revision ?? MAIN, reply);
    try {
      const { record } = prediction;
      reply.headers(commitOf(record));
      const id = `${params.ghn}/${params.model}`;
      return {
        ...{ id, modelId: id, author: params.ghn, sha: record.id },
        ...{ lastModified: record.created_at, createdAt: record.created_at },
        ...{ private: false, gated: false, disabled: false, downloads: 0, likes: 0, library_name: 'pytorch' },
        tags: ['ghn-serve', 'graph-hypernetwork'],
        siblings: filesOf(prediction).map(({ path, size, oid }) => ({ rfilename: path, size, blobId: oid })),
      };
    } finally {
      prediction.release();
    }
  }

  app.get(
    '/api/models/:ghn/:model',
    {
      schema: {
        tags: ['hub'],
        operationId: 'describeHubModel',
        summary: 'A predicted network as a repository of the Hugging Face Hub',
        description:
          'The answer has the revision and the list of files, for `snapshot_download`. The network is predicted if it was not before.',
        params: repository,
        querystring: anyQuery,
        response: modelResponses,
      },
    },
    describe,
  );

  app.get(
    '/api/models/:ghn/:model/revision/:revision',
    {
      schema: {
        tags: ['hub'],
        operationId: 'describeHubRevision',
        summary: 'One revision of a predicted network',
        description:
          'A revision is `main`, the id of a prediction, or options such as `num_classes=10,orthogonalize`.',
        params: repository.extend({ revision }),
        querystring: anyQuery,
        response: modelResponses,
      },
    },
    describe,
  );

  app.get(
    '/api/models/:ghn/:model/tree/:revision',
    {
      schema: {
        tags: ['hub'],
        operationId: 'listHubFiles',
        summary: 'The files of a revision',
        description: 'Names, sizes and digests of model.safetensors, config.json and README.md.',
        params: repository.extend({ revision }),
        querystring: anyQuery,
        response: { ...modelResponses, 200: jsonResponse('The files.', treeSchema) },
      },
    },
    async ({ params }, reply) => {
      const prediction = await finder.find(params, params.revision, reply);
      try {
        reply.headers(commitOf(prediction.record));
        return filesOf(prediction).map((file) => ({ type: 'file' as const, ...file }));
      } finally {
        prediction.release();
      }
    },
  );
};

const commitOf = ({ id }: PredictionRecord) => ({ 'x-repo-commit': id });

const sha1 = (data: string | Buffer) => createHash('sha1').update(data).digest('hex');

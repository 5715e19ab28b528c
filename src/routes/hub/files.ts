import type { PredictionRecord } from '../../record/record.js';

export const WEIGHTS_FILE = 'model.safetensors';

/**
 * The text files of a prediction's repository, by name. Their content is the same in each download of one prediction.
 */
export const TEXT_FILES: Readonly<
  Record<string, { readonly contentType: string; readonly write: (record: PredictionRecord) => string }>
> = {
  'config.json': { contentType: 'application/json; charset=utf-8', write: config },
  'README.md': { contentType: 'text/markdown; charset=utf-8', write: card },
};

export const FILE_NAMES = ['README.md', 'config.json', WEIGHTS_FILE] as const;

function config({ id, request, architecture, ghn, engine, warnings }: PredictionRecord): string {
  const { format: _, ...options } = request;
  const described = {
    predicted_by: 'ghn-serve',
    prediction: id,
    architecture,
    ghn,
    engine,
    request: { ...options, ghn: request.ghn ?? ghn.id },
    warnings,
  };
  return `${JSON.stringify(described, null, 2)}\n`;
}

function card({ id, request, architecture, ghn, warnings }: PredictionRecord): string {
  const missing = architecture.not_predicted;
  return `---
library_name: pytorch
tags:
  - ghn-serve
  - graph-hypernetwork
---

# ${architecture.name}, predicted by ${ghn.id}

\`${WEIGHTS_FILE}\` holds weights that a Graph HyperNetwork predicted from the network's graph. They were never trained: they are a
starting point for fine-tuning.

| | |
|---|---|
| network | ${architecture.name}: ${architecture.tensors} predicted tensors, ${architecture.parameters} parameters |
| GHN | ${ghn.id} (\`${ghn.digest}\`) |
| post-processing | ${request.postprocess ? `\`${JSON.stringify(request.postprocess)}\`` : 'none'} |
| prediction | \`${id}\` |

## What was not predicted

${missing.length === 0 ? 'All parameters of the network were predicted.' : `These keep their initial values: ${missing.map((name) => `\`${name}\``).join(', ')}.`}
${warnings.map(({ message }) => `\n- ${message}`).join('')}

## Fine-tuning

\`\`\`python
from safetensors.torch import load_file

model.load_state_dict(load_file("${WEIGHTS_FILE}"), strict=False)
\`\`\`

Search for the learning rate again: the best one for predicted weights often differs from the best one for random weights. Let
BatchNorm see some batches in training mode before you evaluate.
`;
}

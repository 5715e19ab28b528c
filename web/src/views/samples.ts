import type { PredictRequest } from '../../../clients/typescript/src/index.js';

/** A request written in one language. */
export interface Sample {
  readonly language: string;
  readonly code: string;
}

const ENDINGS: Readonly<Record<string, string>> = { tiled: 'tiled.safetensors' };

/** A longer architecture is shown as a file. */
const MAX_INLINE_CHARACTERS = 400;

/** Returns code that makes a prediction from a shell, from Python and from TypeScript. */
export function predictSamples(url: string, request: PredictRequest): Sample[] {
  const { architecture } = request;
  const name =
    typeof architecture === 'string' ? architecture : ((architecture as { name?: string }).name ?? 'network');
  const format = request.format ?? 'safetensors';
  const file = `${name}.${ENDINGS[format] ?? format}`;
  const isLong = JSON.stringify(architecture).length > MAX_INLINE_CHARACTERS;
  const { architecture: _, ...options } = request;
  const body = isLong ? null : JSON.stringify(request);
  const rest = Object.keys(options).length > 0 ? `, ${JSON.stringify(options).slice(1, -1)}` : '';
  const curl = body
    ? `curl -X POST ${url}/predict -H 'content-type: application/json' \\\n  -d '${shell(body)}' -o '${shell(file)}'`
    : `(printf '{"architecture": '; cat architecture.json; printf '${shell(`${rest}}`)}') |\n  curl -X POST ${url}/predict -H 'content-type: application/json' -d @- -o '${shell(file)}'`;
  const pythonArchitecture = isLong ? 'json.load(open("architecture.json"))' : python(architecture);
  const pythonOptions = Object.entries(options).map(
    ([key, value]) => `, ${JSON.stringify(key)}: ${python(value)}`,
  );
  return [
    { language: 'curl', code: curl },
    {
      language: 'Python',
      code: [
        isLong ? 'import json, requests' : 'import requests',
        'from safetensors.torch import load',
        '',
        `body = {"architecture": ${pythonArchitecture}${pythonOptions.join('')}}`,
        `answer = requests.post("${url}/predict", json=body)`,
        'answer.raise_for_status()',
        ...(format === 'safetensors'
          ? ['weights = load(answer.content)', 'model.load_state_dict(weights, strict=False)']
          : [`open(${python(file)}, "wb").write(answer.content)`]),
      ].join('\n'),
    },
    {
      language: 'TypeScript',
      code: [
        `import { GhnServeClient, readSafetensors } from 'ghn-serve-client';`,
        ...(isLong ? [`import architecture from './architecture.json' with { type: 'json' };`] : []),
        '',
        `const client = new GhnServeClient({ baseUrl: '${url}' });`,
        isLong
          ? `const { bytes } = await client.predict({ architecture${rest && `, ...${JSON.stringify(options)}`} });`
          : `const { bytes } = await client.predict(${body});`,
        ...(ENDINGS[format] || format === 'safetensors'
          ? ['const { tensors } = readSafetensors(bytes);']
          : []),
      ].join('\n'),
    },
  ];
}

/** Returns code with which a training job loads stored weights. */
export function fetchSamples(url: string, id: string, name: string): Sample[] {
  const weights = `${url}/predictions/${id}/weights`;
  return [
    {
      language: 'Python',
      code: [
        'import requests',
        'from safetensors.torch import load',
        '',
        `weights = load(requests.get("${weights}").content)`,
        'model.load_state_dict(weights, strict=False)',
      ].join('\n'),
    },
    { language: 'curl', code: `curl -C - ${weights} -o '${shell(name)}.safetensors'` },
    {
      language: 'TypeScript',
      code: [
        `import { GhnServeClient } from 'ghn-serve-client';`,
        '',
        `const client = new GhnServeClient({ baseUrl: '${url}' });`,
        `const { tensors } = await client.weights('${id}');`,
      ].join('\n'),
    },
  ];
}

const shell = (text: string) => text.replaceAll("'", `'\\''`);

/** Formats a JSON value as Python. */
function python(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, entry]) => `${JSON.stringify(key)}: ${python(entry)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value);
}

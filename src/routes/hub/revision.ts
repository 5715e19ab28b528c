import { quote } from '../../architecture/faults.js';
import { didYouMean } from '../../architecture/nearest.js';
import { NotFoundError } from '../../predictions/errors.js';

/** The revision with the defaults of POST /predict. */
export const MAIN = 'main';

/** Names of the default revision: @huggingface/hub asks for HEAD. */
const DEFAULTS: readonly string[] = [MAIN, 'HEAD'];

/** Returns true if a revision has the defaults. */
export const isDefault = (revision: string): boolean => DEFAULTS.includes(revision);

const ID = /^[0-9a-f]{32}$/;

/** Returns true if a text has the form of a prediction's id. */
export const isPredictionId = (text: string): boolean => ID.test(text);

type Value = boolean | number | string;

const number = (text: string): Value => (text.trim() === '' ? text : Number(text));
const flag = (text: string): Value =>
  text === '' || text === 'true' ? true : text === 'false' ? false : text;
const text = (value: string): Value => value;

/** For each option of a revision: its place in the body of POST /predict, and the function that parses its value. */
const OPTIONS: Readonly<
  Record<string, { readonly path: readonly string[]; readonly read: (text: string) => Value }>
> = {
  num_classes: { path: ['num_classes'], read: number },
  predict_classifier: { path: ['predict_classifier'], read: flag },
  unsupported: { path: ['unsupported'], read: text },
  seed: { path: ['seed'], read: number },
  dtype: { path: ['dtype'], read: text },
  orthogonalize: { path: ['postprocess', 'orthogonalize'], read: flag },
  noise: { path: ['postprocess', 'noise'], read: number },
  from_layer: { path: ['postprocess', 'from_layer'], read: number },
  min_channels: { path: ['postprocess', 'min_channels'], read: number },
  noise_seed: { path: ['postprocess', 'seed'], read: number },
};

/**
 * Returns the options in a revision such as `num_classes=10,orthogonalize`, as fields of the body of POST /predict.
 * Their values are checked with that body.
 *
 * @throws NotFoundError if the revision is neither `main` nor a list of options
 */
export function optionsOf(revision: string): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  if (isDefault(revision)) return body;
  for (const part of revision.split(',')) {
    const [name = '', value = ''] = part.split(/=(.*)/s, 2);
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (!option) {
      throw new NotFoundError(
        `no revision is called ${quote(revision)}: there are main, ids of predictions, and options such as ` +
          `num_classes=10,orthogonalize${didYouMean(name, Object.keys(OPTIONS))} (${Object.keys(OPTIONS).join(', ')})`,
      );
    }
    const [first, second] = option.path as [string, string?];
    if (second === undefined) body[first] = option.read(value);
    else body[first] = { ...(body[first] as object | undefined), [second]: option.read(value) };
  }
  return body;
}

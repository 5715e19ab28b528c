import { z } from 'zod';
import { openCheckpoint } from '../checkpoint/checkpoint.js';
import { areFinite } from '../checkpoint/dtype.js';
import { CheckpointError } from '../checkpoint/error.js';
import type { StateDict, StoredTensor } from '../checkpoint/stored.js';
import type { GhnConfig, GhnOptions } from './config.js';
import { Facts } from './facts.js';
import type { Family } from './families/family.js';
import { FAMILY_TITLES, recognise } from './families/index.js';
import { canonicalName, canonicalShape, layoutFaults } from './layout.js';
import type { Weight } from './weight.js';

export { CheckpointError } from '../checkpoint/error.js';
export type { GhnConfig } from './config.js';

/** A trained GHN. */
export interface Checkpoint {
  readonly config: GhnConfig;
  /**
   * The weights by canonical name, exactly those of `expectedLayout`. The three tables of a GHN-3's node input are at
   * the top level (`centrality_embed_in.weight`). Linear maps are [out, in].
   */
  readonly weights: Map<string, Weight>;
  /** "sha256:" and the hex digest of the file. */
  readonly digest: string;
  /** The number of values in the weights. */
  readonly parameters: number;
  /** Channels, height and width of the images that it was trained on; null if the file does not give them. */
  readonly images: ImageShape | null;
}

const images = z.object({ shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]) });

export type ImageShape = z.infer<typeof images>['shape'];

/** The number of faults that a message about a file that is not a GHN lists. */
const LISTED_FAULTS = 40;

/**
 * Reads the checkpoint of a GHN. Takes little memory besides that of the weights. Throws a CheckpointError whose
 * message names the file and every fault if the file cannot be read, is damaged, is not a GHN of a known family, or
 * contains numbers that are not finite.
 */
export async function readCheckpoint(path: string, options: GhnOptions = {}): Promise<Checkpoint> {
  const { content, digest } = await openCheckpoint(path, (stateDict, sourceBytes) =>
    loadWeights(stateDict, sourceBytes, options),
  );
  return { ...content, digest };
}

/** Checks the state dict against the layout of a GHN before reading its tensors. */
async function loadWeights(
  { tensors, config: found, images: foundImages }: StateDict,
  sourceBytes: number,
  options: GhnOptions,
): Promise<Omit<Checkpoint, 'digest'>> {
  const faults: string[] = [];
  const named = new Map<string, StoredTensor>();
  for (const [original, tensor] of tensors) {
    const name = canonicalName(original);
    if (name === null) continue;
    if (named.has(name))
      faults.push(`${name} is there twice, the second time as ${JSON.stringify(original)}`);
    if (!tensor.type.float) faults.push(`${name} is of type ${tensor.type.name}, floats expected`);
    named.set(name, tensor);
  }
  const family = recognise(named);
  for (const [name, { shape }] of named) if (family.isUnused(name, shape)) named.delete(name);
  const shapes = new Map([...named].map(([name, tensor]) => [name, canonicalShape(tensor.shape)]));
  const facts = new Facts(shapes, found, options);
  const config = inferConfig(facts, family);
  faults.push(...facts.faults, ...layoutFaults(shapes, config));
  if (faults.length) throw notAGhn(faults);

  // Tensors can share bytes of the file. Refuses more bytes of tensors than the file has, since a small file could
  // otherwise take much memory.
  let bytes = 0;
  let parameters = 0;
  for (const { shape, type } of named.values()) {
    const count = shape.reduce((product, n) => product * n, 1);
    bytes += count * type.bytes;
    parameters += count;
  }
  if (bytes > sourceBytes)
    throw new CheckpointError(`has ${bytes} bytes of tensors in ${sourceBytes} bytes; they overlap`);

  const weights = new Map<string, Weight>();
  for (const [name, tensor] of named) {
    const data = await tensor.load();
    if (!areFinite(data)) {
      throw new CheckpointError(
        `${name} holds NaN or infinity, which no prediction can be made with; take a checkpoint from before training diverged`,
      );
    }
    weights.set(name, { shape: shapes.get(name)!, data });
  }
  return { config, weights, parameters, images: images.safeParse(foundImages).data?.shape ?? null };
}

function notAGhn(faults: readonly string[]): CheckpointError {
  const listed = faults.slice(0, LISTED_FAULTS).map((fault) => `\n  - ${fault}`);
  const more = faults.length > LISTED_FAULTS ? `\n  - and ${faults.length - LISTED_FAULTS} more` : '';
  return new CheckpointError(
    `is not one of the published families (${FAMILY_TITLES.join(', ')}):${listed.join('')}${more}`,
  );
}

/** Infers the config of a GHN from its tensors' shapes and its declared config. Adds contradictions to the faults. */
function inferConfig(facts: Facts, family: Family): GhnConfig {
  const { declared, options } = facts;
  const hidden = facts.size('hid', declared.hid, facts.extent('embed.weight', 1), 'embed.weight');
  const [outputs, inputs, height, width] = declared.max_shape ?? [];
  if (outputs !== inputs || height !== width) {
    facts.fault(
      `the config says max_shape = [${declared.max_shape}], expected two equal channels and a square`,
    );
  }
  if (declared.ve === false) {
    facts.fault('the config says ve = false, only GHNs with virtual edges are supported');
  }
  for (const [name, value] of Object.entries(options)) {
    const values = family.options[name];
    if (!values) facts.fault(`${name}=${value} is set, which a ${family.title} does not have`);
    else if (!values.includes(value)) facts.fault(`${name} is one of ${values.join(', ')}, not ${value}`);
  }
  const layerNorm = facts.shapes.has('ln.weight');
  if (declared.layernorm !== undefined && declared.layernorm !== layerNorm) {
    facts.fault(
      `the config says layernorm = ${declared.layernorm}, but there is ${layerNorm ? 'an' : 'no'} ln.weight`,
    );
  }
  return {
    family: family.name,
    hidden,
    weightNorm: declared.weight_norm ?? true,
    layerNorm,
    ...family.infer(facts, hidden),
  };
}

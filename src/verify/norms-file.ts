import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { GhnConfig } from '../ghn/checkpoint.js';

/** The GHNs whose networks' norms the authors have published, as their file calls them; ghn3 is the GHN-3-XL. */
export const FAMILIES = ['ghn2', 'ghn3-t', 'ghn3'] as const;

export type Family = (typeof FAMILIES)[number];

type Sizes = Pick<GhnConfig, 'family' | 'hidden' | 'channels' | 'numClasses'>;

/** What tells the published GHNs (docs/ghn.md, before section 1): all of them were trained on ImageNet. */
const SIZES: Readonly<Record<Family, Sizes>> = {
  ghn2: { family: 'ghn2', hidden: 32, channels: 64, numClasses: 1000 },
  'ghn3-t': { family: 'ghn3', hidden: 64, channels: 64, numClasses: 1000 },
  ghn3: { family: 'ghn3', hidden: 384, channels: 384, numClasses: 1000 },
};

/** The file of the authors' norms that comes with the package. */
export const PUBLISHED_NORMS = fileURLToPath(new URL('../../weights/published-norms.json', import.meta.url));

const norm = z.number().positive();

const fileSchema = z.record(z.string(), z.union([norm, z.partialRecord(z.enum(FAMILIES), norm)]));

/** By network; what it is held against. */
export interface ExpectedNorms {
  readonly norms: ReadonlyMap<string, number>;
  /** `float64`: as this command writes them. `float32`: as PyTorch computes them, in the authors' file. */
  readonly precision: 'float32' | 'float64';
}

/** A file or a choice that the command cannot go on with; the message says what would do. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
}

/** The published GHN that a checkpoint of this configuration is, or null where its like was not published. */
export function publishedFamily(config: Sizes): Family | null {
  return FAMILIES.find((family) => isDeepStrictEqual(sizes(config), SIZES[family])) ?? null;
}

const sizes = ({ family, hidden, channels, numClasses }: Sizes): Sizes => ({
  family,
  hidden,
  channels,
  numClasses,
});

/**
 * Reads norms: either one a network, as `normsText` writes them, or one for each family, of which `family` is taken.
 *
 * @throws VerifyError
 */
export async function readNorms(path: string, family: Family | null): Promise<ExpectedNorms> {
  const { data, error } = fileSchema.safeParse(await readJson(path));
  if (error) throw new VerifyError(`${path} holds no norms by network:\n${z.prettifyError(error)}`);
  const entries = Object.entries(data);
  const single = entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  if (single.length > 0) {
    if (single.length < entries.length) throw new VerifyError(`${path} mixes norms with norms by family`);
    return { norms: new Map(single), precision: 'float64' };
  }
  if (family === null) {
    throw new VerifyError(
      `${path} has norms for ${FAMILIES.join(', ')}, and the checkpoint is none of these by its sizes: say which it is ` +
        'with --family, or give norms of its own with --norms',
    );
  }
  const norms = entries.flatMap(([name, byFamily]): [string, number][] => {
    const value = typeof byFamily === 'number' ? undefined : byFamily[family];
    return value === undefined ? [] : [[name, value]];
  });
  return { norms: new Map(norms), precision: 'float32' };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new VerifyError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** The text of a file that `readNorms` reads, one network a line. */
export function normsText(norms: ReadonlyMap<string, number>): string {
  return `${JSON.stringify(Object.fromEntries(norms), null, 2)}\n`;
}

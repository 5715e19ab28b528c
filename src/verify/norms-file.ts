import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { GhnConfig } from '../ghn/checkpoint.js';

/** The GHNs for which the authors have published norms, by the names in their file; ghn3 is the GHN-3-XL. */
export const FAMILIES = ['ghn2', 'ghn3-t', 'ghn3'] as const;

export type Family = (typeof FAMILIES)[number];

type Sizes = Pick<GhnConfig, 'family' | 'hidden' | 'channels' | 'numClasses'>;

/**
 * Configurations that identify the published GHNs (docs/ghn.md, before section 1): all of them were trained on
 * ImageNet.
 */
const SIZES: Readonly<Record<Family, Sizes>> = {
  ghn2: { family: 'ghn2', hidden: 32, channels: 64, numClasses: 1000 },
  'ghn3-t': { family: 'ghn3', hidden: 64, channels: 64, numClasses: 1000 },
  ghn3: { family: 'ghn3', hidden: 384, channels: 384, numClasses: 1000 },
};

/** The file of the authors' norms, which is part of the package. */
export const PUBLISHED_NORMS = fileURLToPath(new URL('../../weights/published-norms.json', import.meta.url));

const norm = z.number().positive();

const fileSchema = z.record(z.string(), z.union([norm, z.partialRecord(z.enum(FAMILIES), norm)]));

/** Expected norms by network. */
export interface ExpectedNorms {
  readonly norms: ReadonlyMap<string, number>;
  /**
   * Precision of the norms: `float64` in files that this command writes, `float32` in the authors' file, as PyTorch
   * computes them.
   */
  readonly precision: 'float32' | 'float64';
}

/** A file or an option is not usable. The message names the remedy. */
export class VerifyError extends Error {
  override readonly name = 'VerifyError';
}

/** Returns the published GHN that has this configuration, or null if there is none. */
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
 * Reads norms, either one for each network, as `normsText` writes them, or one for each network and family, from which
 * those of `family` are taken.
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
      `${path} has norms for ${FAMILIES.join(', ')}, and the checkpoint's sizes match none of these: name one ` +
        'with --family, or give other norms with --norms',
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

/** Returns the text of a file that `readNorms` reads, with one network on each line. */
export function normsText(norms: ReadonlyMap<string, number>): string {
  return `${JSON.stringify(Object.fromEntries(norms), null, 2)}\n`;
}

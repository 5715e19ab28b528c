import type { GhnConfig } from '../config.js';
import type { Family } from './family.js';
import { GHN2 } from './ghn2.js';
import { GHN3 } from './ghn3.js';
import { LOGAH } from './logah/index.js';

/**
 * The families of GHNs. A checkpoint belongs to the first family that recognises its tensors. If none does, the faults
 * come from comparing it with the last.
 */
export const FAMILIES = [LOGAH, GHN2, GHN3] as const satisfies readonly Family[];

export type FamilyName = (typeof FAMILIES)[number]['name'];

export const FAMILY_NAMES: readonly FamilyName[] = FAMILIES.map(({ name }) => name);

/** The titles of all families, in the order of messages. */
export const FAMILY_TITLES = [...FAMILIES].reverse().map(({ title }) => title);

/** The family of a checkpoint with these tensors. */
export function recognise(tensors: ReadonlyMap<string, unknown>): Family {
  return FAMILIES.find((family) => family.recognises(tensors)) ?? FAMILIES[FAMILIES.length - 1];
}

/** The family of a GHN. */
export function familyOf({ family }: Pick<GhnConfig, 'family'>): Family & { readonly name: FamilyName } {
  const found = FAMILIES.find(({ name }) => name === family);
  if (!found) throw new Error(`there is no family ${JSON.stringify(family)}`);
  return found;
}

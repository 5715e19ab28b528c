/**
 * Raised whenever the bits of a prediction may change under the same engine, GHN, architecture and options: another order
 * of additions, another formula, another draw. It is part of every prediction's id, so that changed numerics are never
 * answered from predictions that an older build has stored. `npm run numerics` records the digests that belong to it.
 */
export const NUMERICS_REVISION = 2;

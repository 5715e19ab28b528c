/**
 * Increased whenever the bits of a prediction may change with the same engine, GHN, architecture and options: another
 * order of additions, another formula, another random draw. It is part of every prediction's id, so that predictions
 * which an older build has stored do not answer requests after such a change. `npm run numerics` records the digests
 * that belong to it.
 */
export const NUMERICS_REVISION = 2;

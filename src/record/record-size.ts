import type { PredictionRecord } from './record.js';

/** Estimated size of a record without its lists of tensors. */
const BASE_CHARACTERS = 4096;

/** Estimated size of a list entry besides the tensor's name or the warning. */
const APPLIED_CHARACTERS = 64;

/**
 * Largest total size of the records on a page of the list, and of the kept records of failed predictions: a record can
 * name thousands of tensors.
 */
export const MAX_RECORDS_CHARACTERS = 8 * 2 ** 20;

/** Returns the approximate size of a record, in characters. */
export function recordCharacters({ architecture, applied, warnings, error }: PredictionRecord): number {
  let characters = BASE_CHARACTERS;
  for (const name of architecture.not_predicted) characters += name.length;
  for (const line of architecture.left_out) characters += line.length;
  for (const { message } of warnings) characters += message.length + APPLIED_CHARACTERS;
  for (const { tensor } of applied ?? []) characters += tensor.length + APPLIED_CHARACTERS;
  return characters + (error?.message.length ?? 0);
}

/** Returns the number of leading records that fit on a page, at least one if there are any. */
export function pageLength(records: readonly PredictionRecord[], limit: number): number {
  let characters = 0;
  for (const [index, record] of records.entries()) {
    characters += recordCharacters(record);
    if (index === limit || (index > 0 && characters > MAX_RECORDS_CHARACTERS)) return index;
  }
  return records.length;
}

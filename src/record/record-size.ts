import type { PredictionRecord } from './record.js';

/** Size of a record without its lists of tensors. */
const BASE_CHARACTERS = 4096;

/** Around a tensor's name, or a warning. */
const APPLIED_CHARACTERS = 64;

/** A page of the list, and the records of failed predictions, are bounded by it: records name tensors by the thousand. */
export const MAX_RECORDS_CHARACTERS = 8 * 2 ** 20;

/** About how many characters a record is long. */
export function recordCharacters({ architecture, applied, warnings, error }: PredictionRecord): number {
  let characters = BASE_CHARACTERS;
  for (const name of architecture.not_predicted) characters += name.length;
  for (const line of architecture.left_out) characters += line.length;
  for (const { message } of warnings) characters += message.length + APPLIED_CHARACTERS;
  for (const { tensor } of applied ?? []) characters += tensor.length + APPLIED_CHARACTERS;
  return characters + (error?.message.length ?? 0);
}

/** How many of the first records make a page: at least one, where there is one. */
export function pageLength(records: readonly PredictionRecord[], limit: number): number {
  let characters = 0;
  for (const [index, record] of records.entries()) {
    characters += recordCharacters(record);
    if (index === limit || (index > 0 && characters > MAX_RECORDS_CHARACTERS)) return index;
  }
  return records.length;
}

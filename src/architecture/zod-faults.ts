import type { z } from 'zod';
import type { FaultList } from './faults.js';
import { quote } from './faults.js';
import { unknownKeyMessage } from './schema.js';

/** At most this many unknown keys of an object get a hint at the key that was meant. */
const MAX_HINTED_KEYS = 10;

/** Adds zod's errors about `value`, which is at `base` in the architecture. Each unknown key is a separate fault. */
export function addZodFaults(
  faults: FaultList,
  error: z.core.$ZodError,
  value: unknown,
  base: readonly PropertyKey[],
): void {
  for (const issue of error.issues) {
    const path = [...base, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      for (const [k, key] of issue.keys.entries()) {
        const message = k < MAX_HINTED_KEYS ? unknownKeyMessage(key, issue.message) : issue.message;
        faults.add([...path, key], message);
      }
    } else {
      faults.add(path, withGiven(issue, at(value, issue.path)));
    }
  }
}

function withGiven(issue: z.core.$ZodIssue, given: unknown): string {
  if (issue.code !== 'invalid_type') return issue.message;
  const expected = issue.message.startsWith('Invalid input')
    ? `expected ${article(issue.expected)}`
    : issue.message;
  return given === undefined ? `is missing: ${expected}` : `${expected}, not ${quote(given)}`;
}

function article(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

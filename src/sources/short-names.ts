import { hubSource } from './hub/hub.js';
import type { Source, SourceKind } from './source.js';

/** The published GHN-3s, by their names in the paper. */
const PUBLISHED: Readonly<Record<string, string>> = {
  'ghn3-t': 'hf://SamsungSAILMontreal/ghn3/ghn3tm8.pt',
  'ghn3-s': 'hf://SamsungSAILMontreal/ghn3/ghn3sm8.pt',
  'ghn3-l': 'hf://SamsungSAILMontreal/ghn3/ghn3lm8.pt',
  'ghn3-xl': 'hf://SamsungSAILMontreal/ghn3/ghn3xlm16.pt',
};

export const SHORT_NAMES: readonly string[] = Object.keys(PUBLISHED);

/** A published GHN, given only by its name. */
export const shortName: SourceKind = {
  form: SHORT_NAMES.join(', '),
  hasQuery: false,
  parse: (text): Source | null => (Object.hasOwn(PUBLISHED, text) ? hubSource(PUBLISHED[text], text) : null),
};

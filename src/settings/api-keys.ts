import { list } from './values.js';

/**
 * Characters that a client can send in a header. `sha256:` and a digest stand for a key that is not in the settings.
 */
const API_KEY = /^[\x21-\x7e]+$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/i;

/** Returns a message about an invalid key that does not repeat the key; null for a valid one. */
function keyFault(key: string): string | null {
  if (/^sha256:/i.test(key)) {
    return DIGEST.test(key)
      ? null
      : 'begins with sha256: and needs the 64 hex digits of a key’s digest after it';
  }
  if (API_KEY.test(key)) return null;
  return 'cannot be sent by any client: a key consists of visible ASCII characters, without spaces';
}

/** API keys, or their digests in lower case. */
export const apiKeys = list.transform((keys, context) => {
  // An empty value is an error, because whoever sets it wants to restrict access.
  if (keys.length === 0) context.addIssue('has no key: give one, or leave it out to let everyone in');
  for (const [index, key] of keys.entries()) {
    const fault = keyFault(key);
    if (fault) context.addIssue(`the key at position ${index + 1} ${fault}`);
  }
  return keys.map((key) => (DIGEST.test(key) ? key.toLowerCase() : key));
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../src/settings/settings.js';

const folder = mkdtempSync(join(tmpdir(), 'ghn-serve-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function secret(text: string): string {
  const path = join(folder, `${Math.random()}`);
  writeFileSync(path, text);
  return path;
}

describe('a secret', () => {
  it('can come from a file, with a key on each line', () => {
    expect(readSettings({ API_KEYS_FILE: secret('one\ntwo, three\n\n') }).API_KEYS).toEqual([
      'one',
      'two',
      'three',
    ]);
    expect(readSettings({ METRICS_KEY_FILE: secret('scrape\n') }).METRICS_KEY).toEqual(['scrape']);
  });

  it.each([
    [
      'is missing',
      () => ({ API_KEYS_FILE: join(folder, 'nowhere') }),
      /^API_KEYS_FILE: .*nowhere cannot be read: ENOENT/,
    ],
    ['is empty', () => ({ API_KEYS_FILE: secret(' \n') }), /^API_KEYS_FILE: .* is empty$/],
    [
      'stands beside the secret itself',
      () => ({ API_KEYS_FILE: secret('a'), API_KEYS: 'b' }),
      /^API_KEYS_FILE: API_KEYS is set too/,
    ],
  ])('is refused if its file %s', (_what, environment, message) => {
    expect(() => readSettings(environment())).toThrow(message);
  });
});

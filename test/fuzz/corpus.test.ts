import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corpusFiles, readCorpusFile } from '../../fuzz/corpus.js';
import { TARGETS } from '../../fuzz/targets/index.js';
import type { Opened } from '../../fuzz/targets/target.js';

describe.each(TARGETS.map((target) => [target.name, target] as const))(
  'what is kept of the fuzzing of %s is answered or refused as it should be:',
  (name, target) => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await target.open();
    });
    afterAll(() => opened.close());

    it('an input that is as it should be', async () => {
      expect(await opened.run(target.valid())).toBe('accepted');
    });

    const files = corpusFiles(name);
    if (files.length > 0) {
      it.each(files)('%s', async (file) => {
        expect(['accepted', 'refused']).toContain(await opened.run(readCorpusFile(name, file)));
      });
    }
  },
);

it('the shares of the targets are parts of a whole', () => {
  expect(TARGETS.reduce((sum, { share }) => sum + share, 0)).toBe(100);
});

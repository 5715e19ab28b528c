import { describe, expect, it } from 'vitest';
import { openFilesLimit, ownOpenFilesLimit } from '../../src/system/open-files.js';

/** Returns the file in the form of Linux 6. */
const limits = (openFiles: string) => `\
Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max processes             96365                96365                processes 
${openFiles}Max locked memory         8388608              8388608              bytes     
`;

describe('the limit of open files', () => {
  it.each([
    [
      'the soft one',
      'Max open files            1024                 524288               files     \n',
      1024,
    ],
    [
      'none where there is none',
      'Max open files            unlimited            unlimited     files\n',
      Infinity,
    ],
    ['none where nothing is said of it', '', Infinity],
  ])('is %s', (_, line, limit) => {
    expect(openFilesLimit(limits(line))).toBe(limit);
  });

  it('is known for this process on every system', () => {
    expect(ownOpenFilesLimit()).toBeGreaterThan(0);
  });
});

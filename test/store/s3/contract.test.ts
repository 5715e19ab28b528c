import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { S3Store } from '../../../src/store/s3/s3-store.js';
import { flipBit } from '../directory/setup.js';
import { type StoreUnderTest, storeContract } from '../store-contract.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from './server.js';

const HOW = [
  ['in parts', 0],
  ['in one object each', 2 * 2 ** 20],
] as const;

describe.skipIf(NO_SERVER).each(HOW)(
  `a bucket as a store${NO_SERVER ? ` (${NO_SERVER})` : ''}, predictions %s`,
  (_, wholeBytes) => {
    let server: S3Server;
    let stores = 0;
    beforeAll(async () => {
      server = await startS3();
    });
    afterAll(() => server?.stop());

    const at = async (prefix: string, maxBytes = 1e9): Promise<StoreUnderTest> => {
      const problems: string[] = [];
      const store = await S3Store.open(
        { bucket: BUCKET, prefix, endpoint: server.endpoint },
        { maxBytes, wholeBytes, onProblem: ({ message }) => problems.push(message) },
      );
      onTestFinished(() => store.close());
      return {
        store,
        problems,
        damage: async (id) => {
          const attempts = join(server.folder, prefix, 'attempts', id);
          const [attempt] = await readdir(attempts).catch(() => []);
          const whole = join(server.folder, prefix, 'records', `${id}.json`);
          await flipBit(attempt === undefined ? whole : join(attempts, attempt, 'blocks'));
        },
        reopen: () => at(prefix, maxBytes),
      };
    };
    storeContract((maxBytes) => at(`store-${++stores}/`, maxBytes));
  },
);

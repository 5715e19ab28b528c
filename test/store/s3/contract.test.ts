import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { ObjectBucket } from '../../../src/store/s3/bucket.js';
import { S3Store } from '../../../src/store/s3/s3-store.js';
import { type StoreUnderTest, storeContract } from '../store-contract.js';
import { NO_SEAWEEDFS, startSeaweedFs } from './seaweedfs.js';
import { BUCKET, NO_SERVER, type S3Server, startS3 } from './server.js';

const SERVERS = [
  ['versitygw', NO_SERVER, startS3],
  ['SeaweedFS', NO_SEAWEEDFS, startSeaweedFs],
] as const;

const HOW = [
  ['in parts', 0],
  ['in one object each', 2 * 2 ** 20],
] as const;

/** Another bit in the middle of an object. */
async function flipBit(objects: ObjectBucket, key: string): Promise<void> {
  const { bytes } = (await objects.get(key))!;
  bytes[bytes.length >> 1] ^= 1;
  await objects.put(key, bytes);
}

for (const [name, missing, startServer] of SERVERS) {
  const title = `a bucket of ${name} as a store${missing ? ` (${missing})` : ''}, predictions %s`;
  describe.skipIf(missing).each(HOW)(title, (_, wholeBytes) => {
    let server: Pick<S3Server, 'endpoint' | 'stop'>;
    let stores = 0;
    beforeAll(async () => {
      server = await startServer();
    });
    afterAll(() => server?.stop());

    const at = async (prefix: string, maxBytes = 1e9): Promise<StoreUnderTest> => {
      const problems: string[] = [];
      const location = { bucket: BUCKET, prefix, endpoint: server.endpoint };
      const store = await S3Store.open(location, {
        maxBytes,
        wholeBytes,
        onProblem: ({ message }) => problems.push(message),
      });
      onTestFinished(() => store.close());
      return {
        store,
        problems,
        damage: async (id) => {
          const objects = new ObjectBucket(location);
          const blocks = (await objects.page(`attempts/${id}/`)).objects.find(({ key }) =>
            key.endsWith('blocks'),
          );
          await flipBit(objects, blocks?.key ?? `records/${id}.json`);
          objects.close();
        },
        reopen: () => at(prefix, maxBytes),
      };
    };
    storeContract((maxBytes) => at(`store-${++stores}/`, maxBytes));
  });
}

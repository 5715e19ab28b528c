import { expect, it } from 'vitest';
import { openStore } from '../../../src/store/open.js';
import { StoreRefusedError } from '../../../src/store/store.js';
import { fakeS3 } from './fake-server.js';

/** A server that takes whatever is written and heeds no condition, as some imitations of S3 do. */
async function heedlessServer(): Promise<string> {
  const objects = new Map<string, string>();
  return fakeS3((request, response) => {
    const [path] = request.url!.split('?');
    request.resume().on('end', () => {
      if (request.method === 'PUT') objects.set(path, 'x');
      const isMissing = request.method === 'GET' && !objects.has(path);
      const isList = request.url!.includes('list-type=2');
      response.writeHead(isMissing && !isList ? 404 : 200, {
        'content-type': 'application/xml',
        etag: '"1"',
      });
      if (isList) response.end('<ListBucketResult></ListBucketResult>');
      else response.end(isMissing ? '<Error><Code>NoSuchKey</Code></Error>' : '');
    });
  });
}

it('a bucket on a server that ignores conditions is refused, with a remedy', async () => {
  const endpoint = await heedlessServer();
  const opening = openStore('s3://bucket/prefix', { endpoint, maxBytes: 1e9, onProblem: () => {} });
  await expect(opening).rejects.toThrow(StoreRefusedError);
  await expect(opening).rejects.toThrow(
    /ignores If-None-Match and If-Match .* use a server that supports them/,
  );
});

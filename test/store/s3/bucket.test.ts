import { expect, it, onTestFinished } from 'vitest';
import { ObjectBucket } from '../../../src/store/s3/bucket.js';
import { fakeS3 } from './fake-server.js';

/** A bucket on a server that answers every request with 404 and that code. */
async function bucketWithout(code: string): Promise<ObjectBucket> {
  const endpoint = await fakeS3((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(404, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code></Error>`);
    });
  });
  const bucket = new ObjectBucket({ bucket: 'b', prefix: '', endpoint });
  onTestFinished(() => bucket.close());
  return bucket;
}

it('an object that another request has just removed counts as removed', async () => {
  const bucket = await bucketWithout('NoSuchKey');
  expect(await bucket.remove('key')).toBe(true);
});

it('a condition on the version of a missing object does not hold', async () => {
  const bucket = await bucketWithout('NoSuchKey');
  expect(await bucket.remove('key', { etag: '"1"' })).toBe(false);
  expect(await bucket.put('key', Buffer.from('x'), { etag: '"1"' })).toBe(false);
});

it('a write without a condition that is answered with 404 is an error', async () => {
  const bucket = await bucketWithout('NoSuchKey');
  await expect(bucket.put('key', Buffer.from('x'))).rejects.toThrow();
});

it('a missing bucket is reported differently from a missing object', async () => {
  const bucket = await bucketWithout('NoSuchBucket');
  await expect(bucket.remove('key')).rejects.toThrow('there is no bucket "b"');
  await expect(bucket.put('key', Buffer.from('x'), { etag: '"1"' })).rejects.toThrow(
    'there is no bucket "b"',
  );
});

const SCHEME = 's3://';

/** Letters, digits, dots and hyphens, as AWS has them. */
const LOCATION = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;

/** Characters that keys may hold without being escaped anywhere. */
const PREFIX = /^[\w!.*'()/-]*$/;

/** Whether a store is meant to be a bucket. */
export const isBucket = (location: string): boolean => location.startsWith(SCHEME);

/** Bucket and prefix of `s3://bucket/prefix`; the prefix is empty or ends with a slash. Null where it is neither. */
export function parseLocation(location: string): { readonly bucket: string; readonly prefix: string } | null {
  const [, bucket, path = ''] = LOCATION.exec(location) ?? [];
  if (bucket === undefined || !PREFIX.test(path) || path.startsWith('/')) return null;
  const prefix = path.replace(/\/$/, '');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

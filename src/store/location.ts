const SCHEME = 's3://';

/** Bucket names have letters, digits, dots and hyphens, as on AWS. */
const LOCATION = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s;

/** Characters that need no escaping in keys. */
const PREFIX = /^[\w!.*'()/-]*$/;

/** Returns true if the location names a bucket. */
export const isBucket = (location: string): boolean => location.startsWith(SCHEME);

/** Splits `s3://bucket/prefix`. The prefix is empty or ends with a slash. Null if the text is not of that form. */
export function parseLocation(location: string): { readonly bucket: string; readonly prefix: string } | null {
  const [, bucket, path = ''] = LOCATION.exec(location) ?? [];
  if (bucket === undefined || !PREFIX.test(path) || path.startsWith('/')) return null;
  const prefix = path.replace(/\/$/, '');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

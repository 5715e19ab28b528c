import { StoreBusyError, StoreRefusedError } from '../store.js';

/** The bucket cannot be used at the moment. */
export class BucketAwayError extends StoreBusyError {
  /** The server, the cause and the remedy, for operators: clients are not told the server's address. */
  readonly detail: string;

  constructor(detail: string, options?: ErrorOptions) {
    super('the bucket cannot be reached: try again', options);
    this.detail = detail;
  }
}

/** The bucket that was asked. */
export interface Asked {
  readonly bucket: string;
  /** The server's address, if it is not AWS. */
  readonly endpoint?: string;
  readonly region: string;
}

/** An error of the SDK: for an answer that is not what was asked for, or without an answer. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  /** The system's code, if the server was not reached. */
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string | undefined>> };
}

interface Kind {
  readonly matches: (error: SdkError, status: number) => boolean;
  readonly explain: (error: SdkError, server: string, asked: Asked) => string;
  /** True if the same request may succeed later. */
  readonly isTemporary?: boolean;
}

/** Answers that the callers understand: nothing there, a condition that does not hold, a range beyond the end. */
const UNDERSTOOD: ReadonlySet<number> = new Set([404, 409, 412, 416]);

const named =
  (...names: string[]) =>
  ({ name }: SdkError) =>
    names.includes(name);

/** The SDK could not read the answer, which is no XML. */
const isUnreadable = ({ message }: SdkError): boolean => message.includes('XML parse error');

const header = ({ $response }: SdkError, name: string) => $response?.headers?.[name];

const regionOf = (error: SdkError): string | undefined =>
  header(error, 'x-amz-bucket-region') ?? /expecting '([\w-]+)'/.exec(error.message)?.[1];

/** The code and message of S3; empty if the answer has no body, as for HEAD. */
const reasonOf = ({ name, message }: SdkError): string =>
  message === 'UnknownError' ? '' : `: ${name}, ${message.replace(/\.$/, '')}`;

const KINDS: readonly Kind[] = [
  {
    matches: named('NoSuchBucket'),
    explain: (_, server, { bucket }) =>
      `there is no bucket ${JSON.stringify(bucket)} on ${server}: create it, or set S3_ENDPOINT to the server that has it`,
  },
  {
    matches: named('CredentialsProviderError'),
    explain: ({ message }, server) =>
      `there are no credentials for ${server}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile or a role ` +
      `(${message})`,
  },
  {
    matches: (error, status) => status <= 400 && regionOf(error) !== undefined,
    explain: (error, server, { bucket, region, endpoint }) =>
      `the bucket ${JSON.stringify(bucket)} on ${server} is in the region ${regionOf(error)}, not in ${region}: set AWS_REGION to ` +
      `${regionOf(error)}${endpoint === undefined ? '' : ', and S3_ENDPOINT to an address of that region'}`,
  },
  {
    matches: (_, status) => status >= 300 && status < 400,
    explain: (error, server, { bucket }) =>
      `${server} redirects requests for the bucket ${JSON.stringify(bucket)}` +
      `${header(error, 'location') ? ` to ${header(error, 'location')}` : ''}${reasonOf(error)}: set S3_ENDPOINT to the address ` +
      "that serves the bucket, with its scheme and port, and AWS_REGION to the bucket's region",
  },
  {
    matches: named('RequestTimeTooSkewed'),
    explain: (_, server) =>
      `the clocks of this machine and of ${server} differ by more than S3 allows: set this machine's clock by NTP`,
  },
  {
    matches: named('InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidToken', 'ExpiredToken'),
    explain: (error, server) =>
      `${server} does not accept the credentials${reasonOf(error)}: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the ` +
      'profile or the role',
  },
  {
    matches: isUnreadable,
    explain: (_, server) =>
      `${server} answers with something other than S3, such as a web page: set S3_ENDPOINT to the address of the S3 server`,
    isTemporary: true,
  },
  {
    matches: (_, status) => status === 401 || status === 403,
    explain: (error, server, { bucket }) =>
      `${server} denies access to the bucket ${JSON.stringify(bucket)}${reasonOf(error)}: allow these credentials to use it, ` +
      "or check the credentials, the names of bucket and key, and this machine's clock",
  },
  {
    matches: (_, status) => status >= 500,
    explain: (error, server) => `${server} fails${reasonOf(error)}: try again later`,
    isTemporary: true,
  },
  {
    matches: (_, status) => status > 0,
    explain: (error, server) =>
      `${server} refuses the request${reasonOf(error)}: set S3_ENDPOINT to the address of an S3 server that supports it`,
  },
  {
    matches: () => true,
    explain: ({ code, message }, server) =>
      `${server} cannot be reached (${code ?? message}): check S3_ENDPOINT, and that the server runs`,
    isTemporary: true,
  },
];

/**
 * The error to throw for an error of the SDK, with the server, the cause and the remedy. Answers that callers
 * understand are returned unchanged.
 */
export function explained(error: unknown, asked: Asked): unknown {
  const sdkError = error as SdkError;
  const status = sdkError.$metadata?.httpStatusCode ?? 0;
  if (UNDERSTOOD.has(status) && sdkError.name !== 'NoSuchBucket' && !isUnreadable(sdkError)) return error;
  const { explain, isTemporary } = KINDS.find(({ matches }) => matches(sdkError, status))!;
  const told = explain(sdkError, serverOf(asked), asked);
  const answer = status > 0 ? `${told} (HTTP ${status})` : told;
  return isTemporary
    ? new BucketAwayError(answer, { cause: error })
    : new StoreRefusedError(answer, { cause: error });
}

/** For an answer that no S3 server would give. */
export const notS3 = (asked: Asked): BucketAwayError =>
  new BucketAwayError(
    `${serverOf(asked)} answers with something other than S3: set S3_ENDPOINT to the address of the S3 server`,
  );

const serverOf = ({ endpoint, region }: Asked): string =>
  endpoint === undefined ? `AWS in ${region}` : `the S3 server ${endpoint}`;

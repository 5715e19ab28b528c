import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { untilSilent } from '../../async/until-silent.js';
import { type Asked, explained, notS3 } from './refusals.js';
import { Requests } from './requests.js';

/** The most keys that S3 returns for one listing request. */
const PAGE = 1000;

/** Size of a part of an upload: S3 requires at least 5 MiB, and allows 10,000 parts. */
export const PART_BYTES = 16 * 2 ** 20;

/** The number of parts of one upload that are sent at the same time. */
const PARTS_AT_ONCE = 2;

const CONNECTION_TIMEOUT_MS = 3000;
const REQUEST_TIMEOUT_MS = 30_000;
const SOCKETS = 64;
const ATTEMPTS = 3;

/** Statuses of a condition that did not hold: 412, or 409 if another change was under way. */
const CONFLICTS: ReadonlySet<number> = new Set([409, 412]);

/** The place of a store in a bucket. */
export interface BucketLocation {
  readonly bucket: string;
  /** Empty, or a path that ends with a slash. */
  readonly prefix: string;
  /** Address of a server other than AWS; its buckets are addressed by path. */
  readonly endpoint?: string;
  /** Address of the same server for clients that are given links; by default `endpoint`. */
  readonly publicEndpoint?: string;
}

/** Called with the seconds that a request took. `isAnswered` is false if the server could not be reached or failed. */
export type RequestObserver = (operation: string, seconds: number, isAnswered: boolean) => void;

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
}

export interface ListedObject {
  readonly key: string;
  readonly modified: Date;
}

/** The condition of a change. */
export interface Condition {
  /** The object does not exist yet. */
  readonly isNew?: boolean;
  /** The existing object has this etag. */
  readonly etag?: string;
}

/**
 * The objects of a bucket under one prefix. Keys are given without the prefix. The SDK finds credentials and the
 * region in its usual places.
 *
 * Rejects with a StoreBusyError if the bucket cannot be reached, and with a StoreRefusedError if it does not exist or
 * denies an operation. (The class is not called Bucket, since TypeScript 7 would then confuse it with the SDK's
 * parameter of that name.)
 */
export class ObjectBucket {
  readonly #client: S3Client;
  readonly #requests = new Requests((error) => explained(error, this.#asked));
  #isClosed = false;
  #links: S3Client | null = null;
  readonly #location: BucketLocation;
  readonly #asked: Asked;

  constructor(location: BucketLocation, onRequest: RequestObserver = () => {}) {
    const { endpoint } = location;
    this.#location = location;
    this.#asked = { ...location, region: region() };
    this.#client = clientOf(endpoint);
    observe(this.#client, onRequest);
  }

  /** An object, or `length` bytes of it beginning at `start`; null if it does not exist. */
  async get(key: string, start?: number, length?: number): Promise<StoredObject | null> {
    const range = start === undefined ? undefined : `bytes=${start}-${start + length! - 1}`;
    try {
      return await this.#requests.run(async (abortSignal) => {
        const command = new GetObjectCommand({ ...this.#at(key), Range: range });
        const { Body, ETag } = await this.#client.send(command, { abortSignal });
        if (ETag === undefined) throw notS3(this.#asked);
        return { bytes: Buffer.from(await Body!.transformToByteArray()), etag: ETag };
      });
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }

  /** The etag and time of an object; null if it does not exist. */
  async head(key: string): Promise<{ readonly etag: string; readonly modified: Date } | null> {
    try {
      const command = new HeadObjectCommand(this.#at(key));
      const { ETag, LastModified } = await this.#requests.run((abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      if (ETag === undefined) throw notS3(this.#asked);
      return { etag: ETag, modified: LastModified! };
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }

  /** The bytes of an object from `start` to its end; null if it does not exist or has another etag. */
  async stream(
    key: string,
    start: number,
    etag: string,
  ): Promise<{ readonly body: Readable; readonly length: number } | null> {
    try {
      const range = start > 0 ? `bytes=${start}-` : undefined;
      const command = new GetObjectCommand({ ...this.#at(key), Range: range, IfMatch: etag });
      const { Body, ContentLength } = await this.#requests.run((abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      return { body: Body as Readable, length: ContentLength! };
    } catch (error) {
      if ([404, 412, 416].includes(statusOf(error) ?? 0)) return null;
      throw error;
    }
  }

  /**
   * Writes an object. Returns false if the condition does not hold. If it rejects, the object may have been written
   * or not.
   */
  async put(
    key: string,
    bytes: Uint8Array,
    { isNew, etag }: Condition = {},
    signal?: AbortSignal,
  ): Promise<boolean> {
    const command = new PutObjectCommand({
      ...this.#at(key),
      Body: bytes,
      ContentLength: bytes.byteLength,
      IfNoneMatch: isNew ? '*' : undefined,
      IfMatch: etag,
    });
    const send = (abortSignal: AbortSignal) => this.#client.send(command, { abortSignal });
    // For a condition on the etag of a missing object, S3 answers with 404.
    return this.#conditionally(send, { ifMissing: etag === undefined ? null : false, signal });
  }

  /** Writes an object of any size. Its bytes come in runs, which may reuse one buffer. */
  async putRuns(key: string, runs: Iterable<Buffer>, signal?: AbortSignal): Promise<void> {
    const parts = partsOf(runs);
    const first = parts.next();
    const second = first.done ? first : parts.next();
    if (second.done) {
      await this.put(key, first.done ? Buffer.alloc(0) : first.value, {}, signal);
      return;
    }
    await this.#putParts(key, [first.value as Buffer, second.value], parts, signal);
  }

  /**
   * Removes an object. Returns false if the condition does not hold. Without a condition, a missing object counts as
   * removed.
   */
  async remove(key: string, { etag }: Condition = {}): Promise<boolean> {
    const command = new DeleteObjectCommand({ ...this.#at(key), IfMatch: etag });
    const send = (abortSignal: AbortSignal) => this.#client.send(command, { abortSignal });
    // Some servers answer with 404 if two requests remove the same object at once.
    return this.#conditionally(send, { ifMissing: etag === undefined });
  }

  /** One page of the objects whose keys begin with `prefix` and come after `after`, in the order of their keys. */
  async page(
    prefix: string,
    after?: string,
    limit = PAGE,
  ): Promise<{ readonly objects: readonly ListedObject[]; readonly isLast: boolean }> {
    const { bucket, prefix: root } = this.#location;
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: root + prefix,
      StartAfter: after === undefined ? undefined : root + after,
      MaxKeys: Math.min(PAGE, limit),
    });
    const { Contents = [], IsTruncated } = await this.#requests
      .run((abortSignal) => this.#client.send(command, { abortSignal }))
      .catch((error: unknown) => {
        throw statusOf(error) === 404 ? notS3(this.#asked) : error;
      });
    const objects = Contents.map(({ Key, LastModified }) => ({
      key: Key!.slice(root.length),
      modified: LastModified!,
    }));
    return { objects, isLast: !IsTruncated };
  }

  /** All objects whose keys begin with `prefix`. */
  async *all(prefix: string): AsyncGenerator<ListedObject> {
    let after: string | undefined;
    for (;;) {
      const { objects, isLast } = await this.page(prefix, after);
      yield* objects;
      if (isLast) return;
      after = objects.at(-1)!.key;
    }
  }

  /** An address from which anyone can download an object for a while, as a file of that name. */
  async link(key: string, seconds: number, fileName: string): Promise<string> {
    // Imported here, since links are rarely requested.
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const { publicEndpoint } = this.#location;
    this.#links ??= publicEndpoint ? clientOf(publicEndpoint) : this.#client;
    const command = new GetObjectCommand({
      ...this.#at(key),
      ResponseContentType: 'application/octet-stream',
      ResponseContentDisposition: `attachment; filename="${fileName}"`,
      // The key belongs to one attempt, which never changes.
      ResponseCacheControl: 'max-age=31536000, immutable',
    });
    return getSignedUrl(this.#links, command, { expiresIn: seconds });
  }

  /** From now on, requests are aborted if the server does not answer. */
  async leave(): Promise<void> {
    const ask = async (abortSignal: AbortSignal) => {
      try {
        await this.#client.send(new HeadBucketCommand({ Bucket: this.#location.bucket }), { abortSignal });
      } catch (error) {
        if ((statusOf(error) ?? 500) >= 500) throw error;
      }
    };
    if (await untilSilent(ask, () => this.#isClosed)) this.abandon();
  }

  /** Aborts all requests, and refuses new ones. */
  abandon(): void {
    this.#requests.leave();
  }

  close(): void {
    this.#isClosed = true;
    this.#links?.destroy();
    this.#client.destroy();
  }

  async #putParts(key: string, first: Buffer[], rest: Iterator<Buffer>, signal?: AbortSignal): Promise<void> {
    const at = this.#at(key);
    const create = new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'CRC32' });
    const { UploadId } = await this.#requests.run((abortSignal) =>
      this.#client.send(create, { abortSignal }),
    );
    const upload = { ...at, UploadId };
    try {
      const done: { PartNumber: number; ETag?: string }[] = [];
      let number = 0;
      const next = (): Buffer | undefined => {
        const part = first.shift();
        if (part) return part;
        const { value, done: isOver } = rest.next();
        return isOver ? undefined : (value as Buffer);
      };
      const send = async () => {
        for (let part = next(); part; part = next()) {
          const PartNumber = ++number;
          signal?.throwIfAborted();
          const command = new UploadPartCommand({
            ...upload,
            PartNumber,
            Body: part,
            ChecksumAlgorithm: 'CRC32',
          });
          const sent = await this.#requests.run(
            (abortSignal) => this.#client.send(command, { abortSignal }),
            signal,
          );
          done.push({ PartNumber, ETag: sent.ETag, ...crcOf(sent) });
        }
      };
      await Promise.all(Array.from({ length: PARTS_AT_ONCE }, send));
      done.sort((a, b) => a.PartNumber - b.PartNumber);
      const command = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: done } });
      await this.#requests.run((abortSignal) => this.#client.send(command, { abortSignal }));
    } catch (error) {
      const abort = new AbortMultipartUploadCommand(upload);
      // An upload that cannot be aborted is left to the bucket's rule for incomplete uploads.
      await this.#requests.run((abortSignal) => this.#client.send(abort, { abortSignal })).catch(() => {});
      throw error;
    }
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#location.bucket, Key: this.#location.prefix + key };
  }

  /** @param ifMissing the result if the object is missing; null if that is an error */
  async #conditionally(
    send: (signal: AbortSignal) => Promise<unknown>,
    { ifMissing, signal }: { readonly ifMissing: boolean | null; readonly signal?: AbortSignal },
  ): Promise<boolean> {
    try {
      await this.#requests.run(send, signal);
      return true;
    } catch (error) {
      const status = statusOf(error) ?? 0;
      if (CONFLICTS.has(status)) return false;
      if (status !== 404) throw error;
      if (ifMissing === null) throw notS3(this.#asked);
      return ifMissing;
    }
  }
}

function observe(client: S3Client, onRequest: RequestObserver): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const start = performance.now();
        const tell = (isAnswered: boolean) =>
          onRequest(commandName.replace(/Command$/, ''), (performance.now() - start) / 1000, isAnswered);
        try {
          const answer = await next(args);
          tell(true);
          return answer;
        } catch (error) {
          tell((statusOf(error) ?? 500) < 500);
          throw error;
        }
      },
    { step: 'initialize' },
  );
}

function clientOf(endpoint: string | undefined): S3Client {
  // The SDK would log a notice about Node's versions; docs/cluster.md covers that.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  return new S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    region: region(),
    maxAttempts: ATTEMPTS,
    // Stored documents and blocks carry their own checksums, by which the store detects corruption.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
    },
  });
}

const region = (): string => process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1';

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

/** The checksum of an uploaded part, which must be repeated to complete the upload. */
const crcOf = ({ ChecksumCRC32 }: { ChecksumCRC32?: string }) => (ChecksumCRC32 ? { ChecksumCRC32 } : {});

/** Joins runs, which may reuse one buffer, into parts. */
function* partsOf(runs: Iterable<Buffer>): Generator<Buffer, undefined> {
  let part: Buffer[] = [];
  let bytes = 0;
  for (const run of runs) {
    part.push(Buffer.from(run));
    bytes += run.length;
    if (bytes < PART_BYTES) continue;
    yield Buffer.concat(part);
    part = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(part);
  return undefined;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const NAME = 'versitygw';

/** The S3 server that tests run on, if it is installed. */
export const SERVER = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), 'go', 'bin')]
  .map((folder) => join(folder, NAME))
  .find(existsSync);

/** Why tests on an S3 server are left out, if they are. */
export const NO_SERVER = SERVER
  ? null
  : 'no S3 server: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0';

export interface S3Server {
  readonly endpoint: string;
  readonly port: number;
  /** The bucket's folder: each object is a file. */
  readonly folder: string;
  stop(): Promise<void>;
}

export const BUCKET = 'predictions';

/** The credentials of every server here, as the SDK reads them. */
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'testsecret' };

/** A server on files in a folder of its own, with one bucket. */
export async function startS3(): Promise<S3Server> {
  Object.assign(process.env, CREDENTIALS);
  const folder = await mkdtemp(join(tmpdir(), 'ghn-s3-'));
  await mkdir(join(folder, BUCKET));
  const port = await freePort();
  const server = spawn(SERVER!, ['--port', `127.0.0.1:${port}`, 'posix', folder], {
    env: { ...process.env, ROOT_ACCESS_KEY: 'test', ROOT_SECRET_KEY: 'testsecret' },
    stdio: 'ignore',
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answers(endpoint, server);
  return {
    endpoint,
    port,
    folder: join(folder, BUCKET),
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(endpoint: string, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    if (await fetch(endpoint).catch(() => null)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the S3 server has ended');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

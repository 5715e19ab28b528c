import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { GHN3_T, writeRandomCheckpoint } from './checkpoint.js';
import { bytesOf, median, RunningService, request } from './service.js';

/**
 * Downloads a stored ResNet-50 repeatedly, and compares it with nginx that serves the same bytes as a file: `npx tsx
 * bench/downloads.ts`.
 */
const RUNS = Number(process.env.RUNS ?? 15);
const NGINX_PORT = 3906;

const configuration = (directory: string) => `
daemon off;
pid ${directory}/nginx.pid;
error_log stderr crit;
events {}
http {
  access_log off;
  sendfile on;
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3;
  uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  server { listen 127.0.0.1:${NGINX_PORT}; root ${directory}; }
}
`;

if (spawnSync('nginx', ['-v']).error) {
  console.log('downloads: nginx is not installed, so there is nothing to measure against');
  process.exit(0);
}

const directory = await mkdtemp(join(tmpdir(), 'ghn-serve-bench-'));
try {
  // If root starts nginx, its workers run as another user.
  await chmod(directory, 0o755);
  const checkpoint = join(directory, 'ghn3-t.safetensors');
  await writeRandomCheckpoint(checkpoint, GHN3_T);
  const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint }, 3905);
  const answer = await request(
    service.port,
    'POST',
    '/predict',
    JSON.stringify({ architecture: 'resnet50' }),
  );
  const path = `${answer.headers.location}/weights`;
  await writeFile(join(directory, 'weights.bin'), await bytesOf(service.port, path));
  await writeFile(join(directory, 'nginx.conf'), configuration(directory));
  const nginx = spawn('nginx', ['-c', join(directory, 'nginx.conf'), '-p', directory], { stdio: 'inherit' });
  await setTimeout(500);

  const ratios: number[] = [];
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < RUNS + 3; run++) {
    const own = (await request(service.port, 'GET', path)).milliseconds;
    const plain = await request(NGINX_PORT, 'GET', '/weights.bin');
    if (plain.bytes !== answer.bytes) throw new Error(`nginx answered ${plain.status}, ${plain.bytes} bytes`);
    const other = plain.milliseconds;
    if (run < 3) continue;
    ours.push(own);
    theirs.push(other);
    ratios.push(other / own);
  }
  nginx.kill();
  await once(nginx, 'exit');
  await service.stop();
  console.log(
    `ResNet-50 again, ${(answer.bytes / 1e6).toFixed(0)} MB: ${median(ours).toFixed(0)} ms; nginx ${median(theirs).toFixed(0)} ms; ` +
      `${median(ratios).toFixed(2)} of its throughput (median of ${RUNS} pairs)`,
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}

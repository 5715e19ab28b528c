import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GHN3_T } from '../checkpoint.js';
import { RunningService, request } from '../service.js';
import { type Part, type Row, ratio, row, rowBeside, time } from '../table.js';
import { checkpointOf } from './checkpoints.js';

const RUNS = Number(process.env.RUNS ?? 11);
const WARM_UP = 3;
const BARE_PORT = 3902;

const architecture = (name: string): unknown =>
  JSON.parse(
    readFileSync(new URL(`../../../test/fixtures/architectures/${name}.json`, import.meta.url), 'utf8'),
  );

let seed = 1;

/** Returns the seconds that a new prediction takes over loopback, and the number of bytes received. */
export async function predict(
  port: number,
  name: string,
  options: object = {},
): Promise<{ readonly seconds: number; readonly bytes: number }> {
  const body = JSON.stringify({ architecture: architecture(name), seed: seed++, ...options });
  const { status, milliseconds, bytes } = await request(port, 'POST', '/predict', body);
  if (status !== 200) throw new Error(`POST /predict answered ${status}`);
  return { seconds: milliseconds / 1000, bytes };
}

/**
 * Whole requests for ResNet-50 and ConvNeXt-B with a GHN-3-T, compared with a bare server that sends the same number of
 * bytes.
 */
export const requests: Part = async ({ directory, authors }) => {
  const service = await RunningService.start({ GHN_CHECKPOINTS: await checkpointOf(directory, GHN3_T) });
  const rows: Row[] = [row('GHN-3-T: start to ready', time([service.secondsToReady]))];
  try {
    for (const name of ['resnet50', 'convnext_base'])
      rows.push(...(await network(service.port, name, authors)));
  } finally {
    await service.stop();
  }
  return rows;
};

async function network(port: number, name: string, authors: Parameters<Part>[0]['authors']): Promise<Row[]> {
  const { bytes } = await predict(port, name);
  const bare = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(new URL('../bare-server.ts', import.meta.url))],
    { env: { ...process.env, BYTES: String(bytes), PORT: String(BARE_PORT) }, stdio: 'inherit' },
  );
  try {
    await setTimeout(2000);
    const body = JSON.stringify({ architecture: architecture(name) });
    const whole: [number, number][] = [];
    const tiled: number[] = [];
    const theirs: number[] = [];
    for (let run = -WARM_UP; run < RUNS; run++) {
      const own = (await predict(port, name)).seconds;
      const plain = (await request(BARE_PORT, 'POST', '/', body)).milliseconds / 1000;
      const small = (await predict(port, name, { format: 'tiled' })).seconds;
      const other = (await authors?.seconds({ task: 'predict', network: name, size: GHN3_T })) ?? null;
      if (run < 0) continue;
      whole.push([own, plain]);
      tiled.push(small);
      if (other !== null) theirs.push(other);
    }
    const own = whole.map(([seconds]) => seconds);
    const megabytes = `${(bytes / 1e6).toFixed(0)} MB`;
    return [
      row(
        `GHN-3-T, ${name}, ${megabytes}; a bare server with ready bytes`,
        time(own),
        time(whole.map(([, seconds]) => seconds)),
        ratio(whole),
      ),
      row(`GHN-3-T, ${name}, \`tiled\``, time(tiled)),
      ...(theirs.length > 0
        ? [rowBeside(`GHN-3-T, ${name}, ${megabytes}`, "the authors' code", own, theirs)]
        : []),
    ];
  } finally {
    bare.kill();
  }
}

import { readFileSync } from 'node:fs';
import { GHN3_XL } from '../checkpoint.js';
import { RunningService } from '../service.js';
import { type Part, type Row, row, rowBeside, time } from '../table.js';
import { checkpointOf } from './checkpoints.js';
import { predict } from './requests.js';

const RUNS = 5;

/** Returns the peak resident memory, in bytes, of a process and of those that it started. */
function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const own = 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  return children.reduce((sum, child) => sum + peakMemory(Number(child)), own);
}

/** A GHN-3-XL: the time until it is ready from a warm page cache, and whole requests. */
export const xl: Part = async ({ directory, authors }) => {
  const checkpoint = await checkpointOf(directory, GHN3_XL);
  const starts: number[] = [];
  for (let run = 0; run < 2; run++) {
    const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint });
    starts.push(service.secondsToReady);
    await service.stop();
  }
  const service = await RunningService.start({ GHN_CHECKPOINTS: checkpoint });
  starts.push(service.secondsToReady);
  try {
    const rows: Row[] = [row('GHN-3-XL: start to ready', time(starts))];
    for (const name of ['resnet50', 'convnext_base']) {
      const own: number[] = [];
      const theirs: number[] = [];
      for (let run = -1; run < RUNS; run++) {
        const { seconds } = await predict(service.port, name);
        const other = (await authors?.seconds({ task: 'predict', network: name, size: GHN3_XL })) ?? null;
        if (run < 0) continue;
        own.push(seconds);
        if (other !== null) theirs.push(other);
      }
      rows.push(rowBeside(`GHN-3-XL, ${name}`, "the authors' code", own, theirs));
    }
    rows.push(
      row('GHN-3-XL: peak memory of all processes', `${(peakMemory(service.pid) / 1e9).toFixed(2)} GB`),
    );
    return rows;
  } finally {
    await service.stop();
  }
};

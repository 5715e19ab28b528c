import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** cgroup v2: quota and period in one file; `max` for no quota. */
const QUOTA_V2 = '/sys/fs/cgroup/cpu.max';

/** cgroup v1: a file each; -1 for no quota. */
const QUOTA_V1 = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const PERIOD_V1 = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The cores of a quota, rounded up; null for texts that give none. */
export function quotaCores(quota: string, period: string): number | null {
  const cores = Math.ceil(Number(quota || Number.NaN) / Number(period || Number.NaN));
  return Number.isFinite(cores) && cores >= 1 ? cores : null;
}

/**
 * The number of threads that a container's CPU quota has cores for; null where there is no quota below the machine's own
 * cores. More threads than that are stopped together for the rest of each period once the quota is used up.
 */
export function threadsOfQuota(): number | null {
  const [quota = '', period = ''] = read(QUOTA_V2).split(' ');
  const cores = quotaCores(quota, period) ?? quotaCores(read(QUOTA_V1), read(PERIOD_V1));
  return cores !== null && cores < availableParallelism() ? cores : null;
}

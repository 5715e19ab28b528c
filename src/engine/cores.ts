import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** File of cgroup v2 with quota and period; the quota is `max` if there is no limit. */
const QUOTA_V2 = '/sys/fs/cgroup/cpu.max';

/** Files of cgroup v1 with quota and period; the quota is -1 if there is no limit. */
const QUOTA_V1 = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const PERIOD_V1 = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Returns the number of cores of a CPU quota, rounded up, or null if the texts hold no quota. */
export function quotaCores(quota: string, period: string): number | null {
  const cores = Math.ceil(Number(quota || Number.NaN) / Number(period || Number.NaN));
  return Number.isFinite(cores) && cores >= 1 ? cores : null;
}

/**
 * Returns the number of threads that a container's CPU quota allows, or null if no quota is below the machine's number
 * of cores. With more threads than that, the kernel stops all of them for the rest of each period once the quota is
 * used up.
 */
export function threadsOfQuota(): number | null {
  const [quota = '', period = ''] = read(QUOTA_V2).split(' ');
  const cores = quotaCores(quota, period) ?? quotaCores(read(QUOTA_V1), read(PERIOD_V1));
  return cores !== null && cores < availableParallelism() ? cores : null;
}

import { readdirSync, readFileSync } from 'node:fs';

/** The service's processes by their role. */
export const ROLES = ['main', 'predictor', 'statistics'] as const;
export type Role = (typeof ROLES)[number];

/** A process at one time. */
export interface Sample {
  /** Seconds from the start. */
  readonly seconds: number;
  readonly role: Role;
  readonly pid: number;
  readonly residentBytes: number;
  /** Number of open file descriptors. */
  readonly files: number;
}

/** Returns the service's processes, as Linux lists them. A process that ends meanwhile is left out. */
export function sampleProcesses(main: number, seconds: number): Sample[] {
  const samples: Sample[] = [];
  for (const [role, pid] of processes(main)) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const residentBytes = 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
      const files = readdirSync(`/proc/${pid}/fd`).length;
      // A process that has ended and was not waited for yet holds nothing.
      if (Number.isFinite(residentBytes)) samples.push({ seconds, role, pid, residentBytes, files });
    } catch {
      // The process has ended.
    }
  }
  return samples;
}

function processes(main: number): (readonly [Role, number])[] {
  const found: (readonly [Role, number])[] = [['main', main]];
  for (const pid of children(main)) {
    const command = readOrNothing(`/proc/${pid}/cmdline`);
    const role = ROLES.find((name) => command.includes(`/${name}/process.`));
    if (role) found.push([role, pid]);
  }
  return found;
}

const children = (pid: number) =>
  readOrNothing(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child !== '')
    .map(Number);

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

import { readdirSync, readFileSync } from 'node:fs';

/** The service's processes, by what each is there for. */
export const ROLES = ['main', 'predictor', 'statistics'] as const;
export type Role = (typeof ROLES)[number];

/** A process at one moment. */
export interface Sample {
  /** From the start. */
  readonly seconds: number;
  readonly role: Role;
  readonly pid: number;
  readonly residentBytes: number;
  /** How many file descriptors it has. */
  readonly files: number;
}

/** The service's processes now, as Linux tells of them; one that ends meanwhile is left out. */
export function sampleProcesses(main: number, seconds: number): Sample[] {
  const samples: Sample[] = [];
  for (const [role, pid] of processes(main)) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const residentBytes = 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
      const files = readdirSync(`/proc/${pid}/fd`).length;
      // One that has ended and is not yet waited for holds nothing.
      if (Number.isFinite(residentBytes)) samples.push({ seconds, role, pid, residentBytes, files });
    } catch {
      // It has ended.
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

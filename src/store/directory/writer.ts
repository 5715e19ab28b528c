import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';

/** A process that writes to a store. No other process ever has the same three values. */
export interface Writer {
  /** A digest of the kernel's boot id and of the process's pid namespace. */
  readonly machine: string;
  readonly pid: number;
  /** When it was started, in the kernel's ticks since boot. This tells it from a later process with the same pid. */
  readonly started: string;
}

const NAME = /^([0-9a-f]{16})-(\d+)-(\d+)-[0-9a-f-]+$/;

export async function thisWriter(): Promise<Writer> {
  const started = await startOf(process.pid);
  return { machine: await machine(), pid: process.pid, started: started ?? '0' };
}

/** A unique name for an unfinished file or folder, which says who writes it. */
export function unfinishedName({ machine, pid, started }: Writer): string {
  return `${machine}-${pid}-${started}-${randomUUID()}`;
}

/** Returns true if a name has the form of `unfinishedName`. Files with other names are not this store's. */
export const isUnfinishedName = (name: string): boolean => NAME.test(name);

/**
 * Returns true if the writer that the name identifies is alive. Null if that cannot be known from here, because it
 * ran on another machine, in another container, or before the machine was restarted.
 */
export async function writerAlive(name: string, here: Writer): Promise<boolean | null> {
  const match = NAME.exec(name);
  if (!match || match[1] !== here.machine) return null;
  return (await startOf(Number(match[2]))) === match[3];
}

/**
 * A digest of the machine's boot and pid namespace. If the system does not give these, a random value, so that pids
 * are not compared.
 */
async function machine(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id');
    const namespace = await readlink('/proc/self/ns/pid');
    return createHash('sha256').update(boot).update(namespace).digest('hex').slice(0, 16);
  } catch {
    return randomBytes(8).toString('hex');
  }
}

/** When a process was started; null if there is none. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The second field, the name in parentheses, can hold anything; the third is the state, the 22nd the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19];
  } catch {
    return null;
  }
}

import { readdir, readFile } from 'node:fs/promises';

/** Returns the id of the process that holds the GHNs of a service; undefined while there is none. */
export async function enginePid(servicePid: number): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'latin1');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(parent) !== servicePid || state === 'Z') continue;
      const commandLine = await readFile(`/proc/${name}/cmdline`, 'latin1');
      if (/predictor\/process\.[jt]s/.test(commandLine)) return Number(name);
    } catch {
      // The process has ended meanwhile.
    }
  }
  return undefined;
}

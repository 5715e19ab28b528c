import { closeSync, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { endChild, startChild } from '../../src/process/child.js';

/**
 * Uses up all file descriptors of the process except for some, starts another process, and prints the reported outcome.
 */
const spare = Number(process.argv[2]);
const entry = new URL('./no-module.js', import.meta.url);

const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {
  // No more descriptors are available.
}
for (const descriptor of held.slice(held.length - spare)) closeSync(descriptor);

const reasons: string[] = [];
const { process: child, channel } = startChild(
  entry,
  () => {},
  (reason) => reasons.push(reason),
);
const toldBeforeItReturned = reasons.length > 0;
await channel.send('into the void', [Float32Array.of(1)]);
while (reasons.length === 0) await setTimeout(1);
await endChild(child);
channel.close();
process.stdout.write(JSON.stringify({ reasons, toldBeforeItReturned, exitCode: child.exitCode }));

import { closeSync, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { endChild, startChild } from '../../src/process/child.js';

/** Uses up the process's file descriptors but for some, starts another process, and says what was reported. */
const spare = Number(process.argv[2]);
const entry = new URL('./no-module.js', import.meta.url);

const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {
  // There are no more: this process writes to what it has.
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

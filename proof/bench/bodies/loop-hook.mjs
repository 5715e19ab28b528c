// Loaded before the service by `proof/bench/bodies.ts`: reports the longest time that the event loop was blocked since
// the last question.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;

if (process.channel) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  process.on('message', () => {
    process.send?.({ milliseconds: Math.max(0, delays.max / 1e6 - RESOLUTION_MS) });
    delays.reset();
  });
  process.channel.unref();
}

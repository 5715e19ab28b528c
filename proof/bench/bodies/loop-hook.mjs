// Loaded before the service by `proof/bench/bodies.ts`: tells how long the event loop was held, at most, since it was last asked.
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

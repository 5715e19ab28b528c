import { startChild } from '../../src/process/child.js';

// Starts a process that hangs, prints its id, and fails.
const { process: child } = startChild(
  new URL('../../src/predictor/process.ts', import.meta.url),
  () => {},
  () => {},
);
child.kill('SIGSTOP');
process.stdout.write(String(child.pid), () => {
  throw new Error('the port is taken');
});

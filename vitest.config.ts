import { defineConfig } from 'vitest/config';
import { NO_REDIS } from './test/predictions/board/redis-server.js';
import { NO_SERVER } from './test/store/s3/server.js';

/** Tests that kill, soak, try many random inputs or take long: `npm run test:slow`. CI runs them as well. */
const SLOW = [
  'test/architecture/graph-mutations.test.ts',
  'test/architecture/keras/keras-mutations.test.ts',
  'test/architecture/layers/layer-mutations.test.ts',
  'test/checkpoint/mutations.test.ts',
  'test/clients/crashes.test.ts',
  'test/clients/engine-kills.test.ts',
  'test/clients/full-disk.test.ts',
  'test/clients/sharing.test.ts',
  'test/clients/sigterm.test.ts',
  'test/clients/tfjs.test.ts',
  'test/clients/torchvision.test.ts',
  'test/cluster/**/*.test.ts',
  'test/demo/packaged-ghn.test.ts',
  'test/fuzz/run.test.ts',
  'test/fuzz/targets.test.ts',
  'test/fuzz/watchdog.test.ts',
  'test/http/plugins/unread-answers.test.ts',
  'test/main.test.ts',
  'test/routes/engine-loss.test.ts',
  'test/routes/fixtures-wasm.test.ts',
  'test/routes/predict-mutations.test.ts',
  'test/soak/**/*.test.ts',
  'test/statistics/lanes.test.ts',
  'test/store/directory/crash.test.ts',
  'test/store/directory/kill-points.test.ts',
  'test/store/s3/publish.test.ts',
  'test/tracing/tracing.test.ts',
  'test/web/page.test.ts',
];

/** Tests that replace modules, or measure their own process: each file has a process to itself. */
const ISOLATED = ['test/engine/select.test.ts', 'test/format/made-up-format.test.ts'];

/**
 * Route tests that run against three services on one bucket and one Redis as well: each request goes to another one. The other tests
 * count what one process does, hold its queue or its disk, or send what no proxy lets through.
 */
const REPLICATED =
  NO_SERVER || NO_REDIS
    ? []
    : [
        'test/routes/{bodies,catalogue,errors,hub,postprocess,predict,predict-faults,predict-list,unsupported}.test.ts',
        'test/routes/predictions/{list,statistics,tfjs,weights}.test.ts',
      ];

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Polls wait as long as necessary: a busy machine must not fail a test.
    expect: { poll: { timeout: 150_000 } },
    // The engine's process is forked from the test's and inherits these: with tsx it runs the sources as they are.
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    maxWorkers: 2,
    projects: [
      // All other files share processes: loading the service's modules again for each of them would take longer than their tests.
      {
        extends: true,
        test: {
          name: 'main',
          include: ['test/**/*.test.ts'],
          exclude: [...ISOLATED, ...SLOW],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'isolated', include: ISOLATED } },
      { extends: true, test: { name: 'slow', include: SLOW } },
      { extends: true, test: { name: 'replicas', include: REPLICATED, env: { REPLICAS: '3' } } },
    ],
  },
});

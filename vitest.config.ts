import { defineConfig } from 'vitest/config';

/** Proofs that kill, soak, or try many random inputs: `npm run test:slow`. CI runs them; `npm test` leaves them out. */
const SLOW = [
  'test/architecture/graph-mutations.test.ts',
  'test/checkpoint/mutations.test.ts',
  'test/clients/crashes.test.ts',
  'test/clients/engine-kills.test.ts',
  'test/clients/full-disk.test.ts',
  'test/clients/sharing.test.ts',
  'test/clients/sigterm.test.ts',
  'test/clients/tfjs.test.ts',
  'test/cluster/**/*.test.ts',
  'test/demo/packaged-ghn.test.ts',
  'test/fuzz/run.test.ts',
  'test/fuzz/targets.test.ts',
  'test/fuzz/watchdog.test.ts',
  'test/http/plugins/unread-answers.test.ts',
  'test/routes/predict-mutations.test.ts',
  'test/soak/**/*.test.ts',
  'test/statistics/lanes.test.ts',
  'test/store/directory/crash.test.ts',
  'test/store/directory/kill-points.test.ts',
];

/**
 * Pure functions, which leave nothing behind: their files share processes, and need not load what they test once more each.
 * Two are left out: one replaces a module by another, one starts processes.
 */
const PURE =
  'test/{architecture,format,postprocess,random,settings,statistics,tensor}/**/!(made-up-format|worker).test.ts';

const ALL = 'test/**/*.test.ts';

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes when it comes: a busy machine must not fail a test.
    expect: { poll: { timeout: 50_000 } },
    // The engine's process is forked from the test's and inherits these: with tsx it runs the sources as they are.
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'pure', include: [PURE], exclude: SLOW, isolate: false } },
      { extends: true, test: { name: 'main', include: [ALL], exclude: [PURE, ...SLOW] } },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
  },
});

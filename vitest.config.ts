import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes when it comes: a busy machine must not fail a test.
    expect: { poll: { timeout: 50_000 } },
    // The engine's process is forked from the test's and inherits these: with tsx it runs the sources as they are.
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    maxWorkers: 2,
  },
});

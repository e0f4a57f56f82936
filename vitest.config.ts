import { defineConfig } from 'vitest/config';

/** See test/runs.ts. */
const propertyRuns = Number(process.env['PROPERTY_RUNS'] ?? 1);

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    setupFiles: ['test/runs.ts'],
    // Far longer than anything takes: a deadline is for what never comes, and a busy machine is no failure.
    testTimeout: 90_000 * propertyRuns,
    hookTimeout: 90_000,
    expect: { poll: { timeout: 60_000 } },
    // Real sockets, children and folders: most of them wait more than they compute, so that four workers keep two cores busy.
    maxWorkers: 4,
    // No module of ours keeps anything for itself, so that test files may share one; each with its own copies takes half as long again.
    isolate: false,
    // Tests that are marked concurrent wait for the deadlines of a device most of the time.
    maxConcurrency: 32,
  },
});

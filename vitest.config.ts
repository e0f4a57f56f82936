import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    // Far longer than anything takes: a deadline is for what never comes, and a busy machine is no failure.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // Real sockets, children and folders: two workers are what two cores carry without starving a device simulator.
    maxWorkers: 2,
    // Tests that are marked concurrent wait for the deadlines of a device most of the time.
    maxConcurrency: 32,
  },
});

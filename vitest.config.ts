import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Real sockets, children and folders: two workers are what two cores carry without starving a device simulator.
    maxWorkers: 2,
  },
});

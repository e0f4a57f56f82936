import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** See test/runs.ts. */
const propertyRuns = Number(process.env['PROPERTY_RUNS'] ?? 1);

/**
 * What waits for daemons and deadlines begins first, on a machine too that has never run it: what computes a little is left for the end, so that no
 * worker goes on alone.
 */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => /\/test\/(?:crash|integration)\//.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    sequence: { sequencer: LongestFirst },
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

#!/usr/bin/env node
/**
 * Where the process begins and the only file that ends it. It imports nothing by itself, so that an older Node, which cannot read the
 * rest, still gets to say so.
 */
const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `dropflash needs Node.js ${OLDEST_NODE} or newer; this is ${process.version}.\n` +
      'In a clone of the repository, "npm ci" brings the right one along: start it with "npx dropflash" or "npm start".\n',
  );
  process.exit(2);
}

// Before everything else is loaded.
const { keepHeapSmall } = await import('./service/small-heap.ts');
keepHeapSmall();

const { runProgram } = await import('./cli/program.ts');
const { listenForSignals } = await import('./service/signals.ts');

// A reader that goes away (`| head`) is no reason to crash; what is written afterwards is lost.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

const exitCode = await runProgram(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  pid: process.pid,
  cwd: process.cwd(),
  signals: listenForSignals(process),
});

// Pipes are asynchronous on Windows: what was written has to leave before the process does.
await Promise.all(
  [process.stdout, process.stderr].map((output) => new Promise((resolve) => output.write('', resolve))),
);
process.exit(exitCode);

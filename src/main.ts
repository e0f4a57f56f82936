#!/usr/bin/env node
process.stderr.write('dropflash: no command is built yet\n');
process.exitCode = 2;

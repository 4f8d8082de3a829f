#!/usr/bin/env node
/** The command `twinstate`: the only file that looks at the process around it. */
import { run } from './status-command.js';

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  env: process.env,
});

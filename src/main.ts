#!/usr/bin/env node
import { CommanderError } from 'commander';
import { createProgram } from './cli/program.js';

/** Exit code for wrong arguments or settings, as opposed to a crash or success. */
const EXIT_CODE_REFUSED = 2;

try {
  await createProgram().parseAsync();
} catch (error) {
  // Commander has printed its own message, or the requested help.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_CODE_REFUSED);
  console.error(error instanceof Error ? error.message : error);
  process.exit(EXIT_CODE_REFUSED);
}

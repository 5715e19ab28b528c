#!/usr/bin/env node
import { CommanderError } from 'commander';
import { createProgram } from './cli/program.js';

/** The exit code if the command was started with something wrong: neither a crash nor a success. */
const EXIT_CODE_REFUSED = 2;

try {
  await createProgram().parseAsync();
} catch (error) {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT_CODE_REFUSED);
  console.error(error instanceof Error ? error.message : error);
  process.exit(EXIT_CODE_REFUSED);
}

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The environment variable CHROMIUM, or where systems have it; undefined where there is none. */
export const CHROMIUM = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Switches off what a browser does on its own. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, headless: true, args: QUIET });
}

const require = createRequire(import.meta.url);

/** TensorFlow.js as a page has it, from a script each. */
const TFJS_SCRIPTS = [
  '@tensorflow/tfjs-core/dist/tf-core.min.js',
  '@tensorflow/tfjs-backend-cpu/dist/tf-backend-cpu.min.js',
  '@tensorflow/tfjs-layers/dist/tf-layers.min.js',
].map((path) => require.resolve(path));

export async function addTfjs(page: Page): Promise<void> {
  for (const path of TFJS_SCRIPTS) await page.addScriptTag({ content: readFileSync(path, 'utf8') });
}

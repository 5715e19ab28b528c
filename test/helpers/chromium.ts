import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';

const CANDIDATES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Path in the environment variable CHROMIUM, or the usual path; undefined if there is no browser. */
export const CHROMIUM = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** Flags that turn off a browser's background activity. */
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

/** The scripts of TensorFlow.js for a page. */
const TFJS_SCRIPTS = [
  '@tensorflow/tfjs-core/dist/tf-core.min.js',
  '@tensorflow/tfjs-backend-cpu/dist/tf-backend-cpu.min.js',
  '@tensorflow/tfjs-layers/dist/tf-layers.min.js',
].map((path) => require.resolve(path));

export async function addTfjs(page: Page): Promise<void> {
  for (const path of TFJS_SCRIPTS) await page.addScriptTag({ content: readFileSync(path, 'utf8') });
}

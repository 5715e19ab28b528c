import '@tensorflow/tfjs-backend-wasm';
import { readdir, readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { accuracy } from './accuracy.js';
import { type Digits, readDigits } from './digits.js';
import { Network } from './network.js';
import { randomWeights } from './random-weights.js';
import { Service } from './service.js';
import { header, row } from './table.js';

const ARCHITECTURES = new URL('architectures/', import.meta.url);

/** Networks initialised at random are not alike: the mean over so many is shown. */
const SEEDS = [1, 2, 3];

const print = (text: string) => process.stdout.write(`${text}\n`);

async function readArchitectures(): Promise<unknown[]> {
  const files = (await readdir(ARCHITECTURES)).filter((file) => file.endsWith('.json')).sort();
  return Promise.all(
    files.map(async (file) => JSON.parse(await readFile(new URL(file, ARCHITECTURES), 'utf8'))),
  );
}

/** Has a network predicted, and gives its line of the table. */
async function show(service: Service, architecture: unknown, digits: Digits): Promise<string> {
  const network = new Network(architecture);
  const { weights, latency } = await service.predict(architecture);
  const random = SEEDS.map((seed) => accuracy(network, randomWeights(weights, seed), digits));
  return row({
    name: network.name,
    layers: network.layers,
    parameters: [...weights.values()].reduce((sum, { values }) => sum + values.length, 0),
    latency,
    predicted: accuracy(network, weights, digits),
    random: random.reduce((sum, share) => sum + share, 0) / random.length,
  });
}

async function main(): Promise<void> {
  const [digits, architectures] = await Promise.all([readDigits(), readArchitectures()]);
  await tf.setBackend('wasm');
  print('Starting the service…');
  const service = await Service.start();
  try {
    print(`It listens at ${service.url}. POST /predict for networks that its GHN has never seen:\n`);
    print(header());
    for (const architecture of architectures) print(await show(service, architecture, digits));
    print(
      `\nparameters: all of them predicted, none trained; time: from the request until they were there.` +
        `\npredicted, random: accuracy on ${digits.count} test digits with the predicted parameters, and with PyTorch’s` +
        `\ninitialisation instead (mean of ${SEEDS.length} seeds).`,
    );
  } finally {
    await service.stop();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`The demo ends here: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

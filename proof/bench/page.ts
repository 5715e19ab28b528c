import { launchChromium } from '../../test/helpers/chromium.js';
import { startService } from '../../test/helpers/service.js';
import { buildPage } from '../../test/web/page-helpers.js';

/**
 * Measures the page in a real browser: from the click to the graph, the view of a tensor, frames while a graph of 1,000
 * nodes is moved, and the tab's memory over 50 predictions. GHN_TINY_CHECKPOINT names a GHN-3-T; by default the tests'
 * nano GHN is used.
 */
const checkpoint = process.env.GHN_TINY_CHECKPOINT;
await buildPage();
const service = await startService(checkpoint ? { GHN_CHECKPOINTS: checkpoint } : {});
const browser = await launchChromium();
const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
const milliseconds = async (act: () => Promise<unknown>) => {
  const start = performance.now();
  await act();
  return Math.round(performance.now() - start);
};

await page.goto(service.url);
await page.getByRole('radio', { name: 'resnet50' }).first().check();
const toGraph = await milliseconds(async () => {
  await page.getByRole('button', { name: 'Predict' }).click();
  await page.locator('.graph-frame').waitFor();
  await page.getByText('Laying the graph out').waitFor({ state: 'detached' });
});
const prediction = page.url();
const toTensor: number[] = [];
for (const name of ['layer3.2.conv2.weight', 'conv1.weight', 'layer4.1.conv3.weight']) {
  await page.goto(prediction);
  const link = page.getByRole('link', { name, exact: true });
  await link.waitFor();
  toTensor.push(
    await milliseconds(async () => {
      await link.click();
      await page.locator('canvas.heat-map').first().waitFor();
    }),
  );
}
console.log(`ResNet-50, click to graph: ${toGraph} ms; a tensor's view: ${toTensor.join(', ')} ms`);

const blocks = Array.from({ length: 334 }, (_, k) => `stage${Math.floor(k / 84)}.${k}`);
const nodes: object[] = [{ id: 'input', op: 'input' }];
const edges: [string, string][] = [];
let last = 'input';
for (const block of blocks) {
  nodes.push(
    {
      id: `${block}.conv`,
      op: 'conv',
      weight: { name: `${block}.conv.weight`, shape: [16, last === 'input' ? 3 : 16, 3, 3] },
    },
    { id: `${block}.bn`, op: 'bn', weight: { name: `${block}.bn.weight`, shape: [16] } },
  );
  edges.push([last, `${block}.conv`], [`${block}.conv`, `${block}.bn`]);
  if (last === 'input') {
    last = `${block}.bn`;
    continue;
  }
  nodes.push({ id: `${block}.sum`, op: 'sum' });
  edges.push([`${block}.bn`, `${block}.sum`], [last, `${block}.sum`]);
  last = `${block}.sum`;
}
const answer = await fetch(`${service.url}/predict`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ architecture: { name: 'long', nodes, edges } }),
});
await answer.arrayBuffer();
await page.goto(`${service.url}/#${answer.headers.get('location')}`);
await page.getByLabel('By blocks').uncheck();
await page.getByText('Laying the graph out').waitFor({ state: 'detached', timeout: 60_000 });
await page.getByRole('button', { name: 'Show the whole graph' }).click();
const box = (await page.locator('.graph-frame canvas').boundingBox())!;
await page.mouse.move(box.x + 300, box.y + 200);
await page.mouse.down();
// Passed as text, because the page lacks the helpers that the compiler adds to functions.
const frames = page.evaluate(`new Promise((resolve) => {
  let count = 0;
  const start = performance.now();
  const tick = () => {
    count++;
    if (performance.now() - start < 3000) requestAnimationFrame(tick);
    else resolve((1000 * count) / (performance.now() - start));
  };
  requestAnimationFrame(tick);
})`) as Promise<number>;
for (let step = 0; step < 150; step++)
  await page.mouse.move(box.x + 300 + (step % 50) * 4, box.y + 200 + (step % 30) * 4);
await page.mouse.up();
console.log(`${nodes.length} nodes: ${(await frames).toFixed(0)} frames a second while they are moved`);

const session = await page.context().newCDPSession(page);
const heap = async () => {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { usedSize: number };
  return usedSize / 1e6;
};
const sizes: number[] = [];
for (let seed = 1; seed <= 50; seed++) {
  await page.goto(`${service.url}/#/`);
  await page
    .getByRole('radio', { name: seed % 2 ? 'resnet18' : 'resnet34', exact: false })
    .first()
    .check();
  await page.getByLabel('Classes').fill(String(seed + 1));
  await page.getByRole('button', { name: 'Predict' }).click();
  await page.getByText('succeeded').waitFor();
  await page.getByText('Laying the graph out').waitFor({ state: 'detached' });
  if (seed % 10 === 0) sizes.push(await heap());
}
console.log(
  `the tab's heap after 10, 20 … 50 predictions: ${sizes.map((size) => size.toFixed(1)).join(', ')} MB`,
);
await browser.close();
await service.stop();

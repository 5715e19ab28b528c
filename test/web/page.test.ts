import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, launchChromium } from '../helpers/chromium.js';
import { holdEngine, startService, type TestService } from '../helpers/service.js';
import { buildPage, expectAccessible, type OpenPage, openPage } from './page-helpers.js';

const TINY = {
  name: 'tiny',
  nodes: [
    { id: 'input', op: 'input' },
    { id: 'conv1', op: 'conv', weight: { name: 'conv1.weight', shape: [16, 3, 3, 3] } },
    { id: 'gap', op: 'glob_avg' },
    { id: 'fc', op: 'conv', weight: { name: 'fc.weight', shape: [10, 16] } },
  ],
  edges: [
    ['input', 'conv1'],
    ['conv1', 'gap'],
    ['gap', 'fc'],
  ],
};

async function predict(url: string, body: object): Promise<string> {
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  return response.headers.get('location')!.split('/').at(-1)!;
}

describe.skipIf(CHROMIUM === undefined)('the page at /', () => {
  let service: TestService;
  let browser: Browser;
  const opened: OpenPage[] = [];
  const open = async (hash = '', options = {}, url = service.url) => {
    const page = await openPage(browser, `${url}/${hash}`, options);
    opened.push(page);
    return page;
  };
  beforeAll(async () => {
    await buildPage();
    [service, browser] = await Promise.all([startService(), launchChromium()]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ page }) => page.context().close()));
  });
  afterAll(() => Promise.all([browser.close(), service.stop()]));

  it('predicts a network that is chosen by name, and shows its graph and tensors', async () => {
    const { page, complaints, hosts } = await open();
    await page.getByRole('searchbox').fill('squeezenet1_1');
    await page.getByRole('radio').check();
    await page.getByLabel('Classes').fill('10');
    expect(await page.locator('.code pre').textContent()).toContain(
      '{"architecture":"squeezenet1_1","num_classes":10}',
    );
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.getByText('succeeded').waitFor();
    await page.getByRole('heading', { name: 'squeezenet1_1' }).waitFor();
    await page.getByText(/^65 nodes, \d+ edges$/).waitFor();
    await page.getByRole('link', { name: 'features.0.weight' }).waitFor();
    await page.getByText('Laying the graph out').waitFor({ state: 'detached' });
    await page.getByText('Nodes as a list').click();
    await page.getByRole('button', { name: 'features.0', exact: true }).click();
    await page.getByRole('complementary', { name: 'Node features.0' }).getByRole('link').first().waitFor();
    await expectAccessible(page);
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual([new URL(service.url).host]);
  });

  it('marks the faults of a pasted graph in the text', async () => {
    const { page, complaints } = await open();
    await page.getByRole('button', { name: 'Your own' }).click();
    const editor = page.getByRole('textbox', { name: 'The network as JSON' });
    await editor.waitFor();
    await editor.fill(
      JSON.stringify({ ...TINY, nodes: [...TINY.nodes, { id: 'odd', op: 'convv' }] }, null, 2),
    );
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('.faults code', { hasText: '/architecture/nodes/4/op' }).waitFor();
    const mark = page.locator('.cm-lintRange-error').first();
    expect(await mark.textContent()).toBe('"convv"');
    await expectAccessible(page);
    // The browser itself reports the refusal.
    expect(complaints.filter((text) => !text.includes('422'))).toEqual([]);
    await editor.fill('{"name": ');
    await page.getByText('Not JSON yet').waitFor();
    expect(await page.getByRole('button', { name: 'Predict' }).isDisabled()).toBe(true);
  });

  it('follows a prediction through its stages, and cancels it', async () => {
    const release = holdEngine(service);
    try {
      const { page } = await open();
      await page.getByRole('searchbox').fill('resnet18');
      await page.getByRole('radio', { name: 'resnet18' }).check();
      await page.getByRole('button', { name: 'Predict' }).click();
      await page.getByRole('list', { name: 'Stages' }).waitFor();
      // The engine resumes once the service was asked; otherwise it could finish first.
      const asked = page.waitForRequest((request) => request.method() === 'DELETE');
      await page.getByRole('button', { name: 'Cancel' }).click();
      await asked;
      release();
      await page.locator('.chip', { hasText: 'cancelled' }).waitFor();
    } finally {
      release();
    }
  });

  it('shows the service’s statistics of a tensor', async () => {
    const id = await predict(service.url, { architecture: 'resnet18', num_classes: 10 });
    const { tensors } = (await (await fetch(`${service.url}/predictions/${id}/statistics`)).json()) as {
      tensors: { name: string; std: number; effective_rank: number }[];
    };
    const tensor = tensors.find(({ name }) => name === 'conv1.weight')!;
    const { page, complaints } = await open(`#/predictions/${id}/tensors/conv1.weight`);
    const fact = (name: string) =>
      page
        .locator('.facts div', { has: page.getByText(name, { exact: true }) })
        .locator('dd')
        .textContent();
    await page.getByText('Cosines between rows').waitFor();
    expect(await fact('Shape')).toBe('64 × 3 × 7 × 7');
    expect(Number(await fact('Std'))).toBeCloseTo(tensor.std, 3);
    expect(Number.parseFloat((await fact('Effective rank')) ?? '')).toBeCloseTo(tensor.effective_rank, 0);
    await page.getByRole('img', { name: /64 filters of conv1.weight/ }).waitFor();
    await page.getByRole('img', { name: /Heat map of 64 rows/ }).waitFor();
    await page.getByRole('img', { name: /^Singular values/ }).waitFor();
    await expectAccessible(page);
    expect(complaints).toEqual([]);
  });

  it('compares a prediction with its post-processed twin, which it can make', async () => {
    const id = await predict(service.url, { architecture: 'resnet18', num_classes: 10 });
    const { page, complaints } = await open(`#/compare?a=${id}`);
    await page.getByRole('button', { name: 'predict it with post-processing' }).click();
    await page.getByText('Diversity over depth').waitFor();
    await page.getByText(/mean effective rank: A \d+ % of full, B \d+ %/).waitFor();
    await page.getByRole('img', { name: /^B: cosines between \d+ rows/ }).waitFor();
    await page.getByLabel('Tensor to compare').selectOption('layer1.0.conv1.weight');
    expect(page.url()).toContain('tensor=layer1.0.conv1.weight');
    await page.getByRole('img', { name: /Histograms of layer1.0.conv1.weight/ }).waitFor();
    await expectAccessible(page);
    expect(complaints).toEqual([]);
  });

  it('lists predictions in pages, filters them and deletes one', async () => {
    for (let seed = 1; seed <= 27; seed++)
      await predict(service.url, { architecture: { ...TINY, name: 'many' }, seed });
    const { page, complaints } = await open('#/predictions?architecture=many');
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(25);
    await expectAccessible(page);
    await page.getByRole('link', { name: 'Older' }).click();
    await expect.poll(() => rows.count()).toBe(2);
    page.once('dialog', (dialog) => dialog.accept());
    await page.getByRole('button', { name: 'Delete the prediction of many' }).first().click();
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByLabel('Status').selectOption('failed');
    await page.getByText('No prediction matches').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows the loaded GHNs and the state of the service', async () => {
    const { page, complaints } = await open('#/system');
    await page.getByRole('rowheader', { name: 'ghn3-nano default' }).waitFor();
    await page.getByText('Service memory').waitFor();
    await expectAccessible(page);
    expect(complaints).toEqual([]);
  });

  it('is readable in dark mode and on a phone', async () => {
    const { page } = await open('', { colorScheme: 'dark', viewport: { width: 390, height: 800 } });
    await page.getByRole('radio').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Change to light colours' }).click();
    await expectAccessible(page);
  });

  it('is usable with the keyboard alone', async () => {
    const { page } = await open();
    await page.getByRole('radio').first().waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Your own' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'The network as JSON' }).waitFor();
    await page.getByRole('button', { name: 'Predict' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('succeeded').waitFor();
    await page.getByText('Laying the graph out').waitFor({ state: 'detached' });
    await page.getByRole('img', { name: /^The network’s graph/ }).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('+');
  });

  it('says in words that the service does not answer', async () => {
    const { page } = await open('#/predictions');
    await page.getByRole('heading', { name: 'Predictions' }).waitFor();
    await page.route('**/predictions?*', (route) => route.abort());
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByLabel('Status').selectOption('failed');
    await page.getByText('The service does not answer').waitFor();
    await page.unroute('**/predictions?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('No prediction matches').waitFor();
  });
});

describe.skipIf(CHROMIUM === undefined)('the page of a service with keys', () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([startService({ API_KEYS: 'open-sesame' }), launchChromium()]);
  });
  afterAll(() => Promise.all([browser.close(), service.stop()]));

  it('asks for a key and keeps it for the tab', async () => {
    const { page } = await openPage(browser, `${service.url}/#/system`);
    await page.getByRole('heading', { name: 'This service needs a key' }).waitFor();
    await expectAccessible(page);
    await page.locator('input[name=key]').fill('wrong');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByRole('heading', { name: 'This service needs a key' }).waitFor();
    await page.locator('input[name=key]').fill('open-sesame');
    await page.getByRole('button', { name: 'Use this key' }).click();
    await page.getByRole('rowheader', { name: 'ghn3-nano default' }).waitFor();
    await page.reload();
    await page.getByRole('rowheader', { name: 'ghn3-nano default' }).waitFor();
    await page.context().close();
  });
});

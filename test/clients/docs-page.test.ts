import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, launchChromium } from '../helpers/chromium.js';
import { startService, type TestService } from '../helpers/service.js';

describe.skipIf(CHROMIUM === undefined)('the page at /docs', () => {
  let service: TestService;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([startService(), launchChromium()]);
  });
  afterAll(() => Promise.all([browser.close(), service.stop()]));

  it('shows the document and tries an operation, and its policy blocks nothing that it needs', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    const answer = await page.goto(`${service.url}/docs`);
    expect(answer?.headers()['content-security-policy']).toContain("default-src 'self'");
    await page.locator('#operations-service-getLiveness button.opblock-summary-control').click();
    await page.locator('button.try-out__btn').click();
    await page.locator('button.execute').click();
    await page.locator('.live-responses-table .response-col_status', { hasText: '200' }).first().waitFor();
    expect(complaints).toEqual([]);
    expect(await page.title()).toBe('ghn-serve: API');
    const predictions = page.locator('#operations-tag-predictions ~ div .opblock-summary-path').first();
    expect((await predictions.textContent())?.replaceAll('\u200b', '')).toBe('/predict');
    expect(await page.locator('.opblock-head').count()).toBe(0);
    expect(await page.locator('.authorization__btn').count()).toBe(0);
  });
});

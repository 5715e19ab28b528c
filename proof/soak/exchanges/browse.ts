import type { PredictionView } from '../../../src/routes/predictions/view.js';
import type { Exchange } from '../exchange.js';

interface Page {
  readonly predictions: readonly PredictionView[];
  readonly next_cursor: string | null;
}

/** Reads the list page by page. Predictions are added and removed meanwhile, but none may appear twice. */
export async function listAll(exchange: Exchange): Promise<readonly PredictionView[]> {
  const seen = new Map<string, PredictionView>();
  const limit = exchange.random.pick([7, 20, 100]);
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await exchange.send(
      'GET a page of the list',
      { method: 'GET', path: `/predictions?limit=${limit}&status=succeeded${query}` },
      200,
    );
    const page = JSON.parse(answer.body.toString()) as Page;
    exchange.expect(page.predictions.length <= limit, 'a page of the list is too long');
    for (const record of page.predictions) {
      exchange.expect(!seen.has(record.id), 'a prediction is listed twice');
      exchange.expect(record.status === 'succeeded', `what is listed as succeeded is ${record.status}`);
      seen.set(record.id, record);
    }
    cursor = page.next_cursor;
  } while (cursor !== null);
  return [...seen.values()];
}

const PAGES = [
  '/metrics',
  '/livez',
  '/readyz',
  '/ghns',
  '/architectures',
  '/architectures/resnet18?num_classes=10',
  '/openapi.json',
  '/docs/',
  '/predictions?limit=5&status=cancelled',
];

/** Opens pages for monitoring and for people. */
export async function look(exchange: Exchange): Promise<void> {
  const path = exchange.random.pick(PAGES);
  const { body } = await exchange.send(`GET ${path.split('?')[0]}`, { method: 'GET', path }, 200);
  exchange.expect(body.byteLength > 0, `${path} is empty`);
}

import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PredictionView } from '../../../src/routes/predictions/view.js';
import { tinyGraph } from '../../architecture/fixtures.js';
import { begin, json, predicted } from '../../helpers/http.js';
import { expectProblem } from '../../helpers/problems.js';
import { holdEngine, startService, type TestService } from '../../helpers/service.js';

interface Page {
  readonly predictions: PredictionView[];
  readonly next_cursor: string | null;
}

let service: TestService;
let url: string;
/** All predictions in the order in which they were made. */
const made: { id: string; name: string; ghn: string }[] = [];

beforeAll(async () => {
  service = await startService();
  url = service.url;
  for (let k = 0; k < 23; k++) {
    const name = k % 3 === 0 ? 'one' : 'another';
    const ghn = k % 2 === 0 ? 'ghn3-nano' : 'ghn2-nano';
    const location = await predicted(url, { architecture: { ...tinyGraph(), name }, ghn, seed: k });
    made.push({ id: location.split('/').at(-1)!, name, ghn });
  }
});
afterAll(() => service.stop());

const page = (query = '') => json<Page>(`${url}/predictions${query}`);

/** Returns the ids on all pages. */
async function all(query: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const { predictions, next_cursor: next }: Page = await page(
      `?${query}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    ids.push(...predictions.map(({ id }) => id));
    cursor = next;
  } while (cursor !== null);
  return ids;
}

const newestFirst = (matches: (entry: (typeof made)[number]) => boolean = () => true) =>
  made
    .filter(matches)
    .map(({ id }) => id)
    .reverse();

describe('GET /predictions', () => {
  it('lists all, newest first, on one page if they fit', async () => {
    const { predictions, next_cursor } = await page();
    expect(predictions.map(({ id }) => id)).toEqual(newestFirst());
    expect(next_cursor).toBeNull();
    expect(predictions.every(({ status }) => status === 'succeeded')).toBe(true);
  });

  it.each([1, 2, 7, 22, 23, 24])('lists each once in pages of %i', async (limit) => {
    expect(await all(`limit=${limit}`)).toEqual(newestFirst());
  });

  it('filters by an architecture’s name, a GHN and a status', async () => {
    expect(await all('limit=3&architecture=one')).toEqual(newestFirst(({ name }) => name === 'one'));
    expect(await all('limit=4&ghn=ghn2-nano')).toEqual(newestFirst(({ ghn }) => ghn === 'ghn2-nano'));
    expect(await all('limit=2&ghn=ghn3-nano&architecture=another&status=succeeded')).toEqual(
      newestFirst(({ name, ghn }) => name === 'another' && ghn === 'ghn3-nano'),
    );
    expect(await all('status=failed')).toEqual([]);
    expect(await all('architecture=nobody')).toEqual([]);
  });

  it('includes predictions in progress until they are stored', async () => {
    const release = holdEngine(service);
    const names = ['first', 'second'];
    const live: PredictionView[] = [];
    for (const name of names) live.push(await begin(url, { architecture: { ...tinyGraph(), name } }));
    expect(await all('status=running')).toEqual([live[0].id]);
    expect(await all('status=queued')).toEqual([live[1].id]);
    expect(new Set(await all('limit=5'))).toEqual(new Set([...live.map(({ id }) => id), ...newestFirst()]));
    release();
    await expect.poll(async () => (await all('status=succeeded')).length).toBe(25);
    expect(await all('limit=5')).toHaveLength(25);
    for (const { links } of live) expect((await request(url).delete(links.self)).status).toBe(204);
    expect(await all('limit=5')).toEqual(newestFirst());
  });

  it('continues at its place, whatever is deleted or added meanwhile', async () => {
    const first = await page('?limit=5');
    const [gone] = made.splice(made.length - 5, 1);
    await request(url).delete(`/predictions/${gone.id}`);
    const location = await predicted(url, { architecture: { ...tinyGraph(), name: 'newer' } });
    const second = await page(`?limit=50&cursor=${first.next_cursor}`);
    expect(second.predictions.map(({ id }) => id)).toEqual(newestFirst().slice(4));
    await request(url).delete(new URL(location).pathname);
  });

  it.each([
    ['limit=0', '/limit'],
    ['limit=1001', '/limit'],
    ['limit=x', '/limit'],
    ['status=done', '/status'],
    ['cursor=abc', '/cursor'],
    ['order=asc', '/order'],
  ])('refuses ?%s', async (query, path) => {
    const answer = await request(url).get(`/predictions?${query}`);
    expectProblem(answer, 422, { errors: [[path, /./]] });
  });
});

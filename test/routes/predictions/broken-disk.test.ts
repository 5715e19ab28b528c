import request from 'supertest';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tinyGraph } from '../../architecture/fixtures.js';
import { bytesOf, json, predicted } from '../../helpers/http.js';
import { expectProblem } from '../../helpers/problems.js';
import { startService, type TestSettings } from '../../helpers/service.js';
import { flipBitOf } from '../../store/directory/setup.js';
import { smallDisk } from '../../store/directory/small-disk.js';

async function start(settings: TestSettings = {}) {
  const service = await startService(settings);
  onTestFinished(() => service.stop());
  return service;
}

it('a corrupt graph loses only the graph, and the answer names a remedy', async () => {
  const { url, store } = await start();
  const address = await predicted(url, { architecture: tinyGraph() });
  const { id } = await json<{ id: string }>(address);
  const weights = await bytesOf(await fetch(`${address}/weights`));
  await flipBitOf(store, id, 'architecture.json');
  for (let time = 0; time < 2; time++) {
    expectProblem(await request(address).get('/architecture'), 404, {
      detail: /^the graph of the prediction was found corrupt .* delete it and request it again$/,
    });
    expect(await bytesOf(await fetch(`${address}/weights`))).toEqual(weights);
  }
});

it('a read-only disk does not let a prediction be deleted, and the answer says so', async (context) => {
  const disk = await smallDisk(context);
  const { url } = await start({ STORE: disk.directory });
  const address = await predicted(url, { architecture: tinyGraph() });
  await json(address);
  // Waits until the record has the measurements of the answer: until then a file is open.
  await vi.waitFor(() => disk.remount('ro'), { timeout: 50_000 });
  expectProblem(await request(address).delete(''), 507, { detail: /read-only file system \(EROFS\)$/ });
  expect((await fetch(`${address}/weights`)).status).toBe(200);
  disk.remount('rw');
  await request(address).delete('').expect(204);
});

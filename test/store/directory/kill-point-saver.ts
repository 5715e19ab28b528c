import { idOf, samplePrediction, smallPrediction, versionOf } from '../samples.js';
import { killAt } from './kill-points.js';

/**
 * A process that opens a store, which has room for two predictions and holds the first two, and replaces, amends and
 * deletes, killed before the operation on files with that number. Its arguments: the directory, the bound, the number and the predictions' size.
 * One that ends by itself tells of all operations.
 */
const [directory, maxBytes, point, size] = process.argv.slice(2);
const predictionOf = size === 'small' ? smallPrediction : samplePrediction;
const { DirectoryStore } = await import('../../../src/store/directory/directory-store.js');
const done = await killAt(Number(point));
const store = await DirectoryStore.open(directory, { maxBytes: Number(maxBytes) });
await store.save(predictionOf(3));
process.send!('saved');
await store.amend(versionOf(3), () => ({ digest: 'sha256:3' }));
process.send!('amended');
await store.delete(idOf(2));
process.send!('deleted');
await store.close();
process.send!(done.length, () => process.exit());

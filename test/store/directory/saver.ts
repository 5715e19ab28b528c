import { DirectoryStore } from '../../../src/store/directory/directory-store.js';
import { idOf, samplePrediction, versionOf } from '../samples.js';

/**
 * A process that saves predictions without end, amends and deletes some, and says what is saved; to be killed. Its
 * arguments: the directory, the store's bound, and the number of the first prediction.
 */
const [directory, maxBytes, first] = process.argv.slice(2);
const store = await DirectoryStore.open(directory, { maxBytes: Number(maxBytes) });
process.send!(0);
for (let n = Number(first); ; n++) {
  await store.save(samplePrediction(n));
  process.send!(n);
  await store.amend(versionOf(n), () => ({ digest: `sha256:${n}` }));
  if (n % 3 === 0) await store.delete(idOf(n - 1));
}

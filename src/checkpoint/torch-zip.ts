import { CheckpointError } from './error.js';
import { unpickle } from './pickle.js';
import type { FileBytes } from './source.js';
import { readStorageId } from './torch-legacy.js';
import { Storage } from './torch-tensor.js';
import { readZip } from './zip.js';

const PICKLE = '/data.pkl';

/** Reads what torch.save writes since PyTorch 1.6: a zip with a pickle and a stored entry for each storage. */
export async function readTorchZip(file: FileBytes): Promise<unknown> {
  const zip = await readZip(file);
  const pickles = zip.names.filter((name) => name.endsWith(PICKLE));
  if (pickles.length !== 1) {
    throw new CheckpointError(`a zip with ${pickles.length} entries named data.pkl, a torch.save has one`);
  }
  const folder = pickles[0].slice(0, -PICKLE.length);
  if (zip.names.includes(`${folder}/constants.pkl`)) {
    throw new CheckpointError(
      'a TorchScript program; save the state dict with torch.save(model.state_dict(), …)',
    );
  }
  if (zip.names.includes(`${folder}/byteorder`)) {
    const { start, size } = await zip.find(`${folder}/byteorder`);
    const order = (await file.reader(start, start + size).bytes(Math.min(size, 'little'.length))).toString();
    if (order !== 'little') {
      throw new CheckpointError('a torch.save of a big-endian machine; save it again on a little-endian one');
    }
  }
  const pickle = await zip.find(pickles[0]);

  const storages = new Map<string, Storage>();
  const root = await unpickle(file.reader(pickle.start, pickle.start + pickle.size), {
    persistentLoad: (id) => {
      const { key, type, length } = readStorageId(id);
      const storage = storages.get(key) ?? new Storage(type, length);
      storages.set(key, storage);
      return storage;
    },
  });
  for (const [key, storage] of storages) {
    const { start, size } = await zip.find(`${folder}/data/${key}`);
    if (size !== storage.bytes) {
      throw new CheckpointError(
        `the zip's entry ${JSON.stringify(`data/${key}`)} has ${size} bytes, its pickle expects ${storage.bytes}`,
      );
    }
    storage.locate(file, start);
  }
  return root;
}

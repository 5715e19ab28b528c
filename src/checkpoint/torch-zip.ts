import type { Section } from './digest.js';
import { CheckpointError } from './error.js';
import { unpickle } from './pickle.js';
import type { FileBytes } from './source.js';
import { readStorageId } from './torch-legacy.js';
import { Storage } from './torch-tensor.js';
import { readZip } from './zip.js';

const PICKLE = '/data.pkl';

export interface TorchZip {
  /** The saved object. */
  readonly root: unknown;
  /** The parts of the file that belong to the checkpoint and have a checksum. */
  readonly sections: readonly Section[];
}

/**
 * Reads the format of torch.save since PyTorch 1.6: a zip with a pickle and a stored entry for each storage. The
 * tensors' numbers are not read yet, and checksums are not checked.
 */
export async function readTorchZip(file: FileBytes): Promise<TorchZip> {
  const zip = await readZip(file);
  const pickles = zip.names.filter((name) => name.endsWith(PICKLE));
  if (pickles.length !== 1) {
    throw new CheckpointError(otherZip(zip.names, pickles.length));
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
  const sections = [pickle];

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
    const section = await zip.find(`${folder}/data/${key}`);
    const { start, size } = section;
    if (size !== storage.bytes) {
      throw new CheckpointError(
        `the zip's entry ${JSON.stringify(`data/${key}`)} has ${size} bytes, its pickle expects ${storage.bytes}`,
      );
    }
    storage.locate(file, start);
    sections.push(section);
  }
  // After torch.serialization.set_crc32_options(False), PyTorch writes zeros as checksums.
  return { root, sections: sections.filter(({ crc }) => crc !== 0) };
}

const CHECKPOINT_FILE = /\.(?:pt|pth|ckpt|bin|safetensors|joblib|pkl)$/i;

/** Describes a zip file that is not a torch.save, with the remedy. */
function otherZip(names: readonly string[], pickles: number): string {
  const file = names.find((name) => CHECKPOINT_FILE.test(name) && !name.endsWith(PICKLE));
  if (pickles === 0 && file) {
    return `is a zip that holds ${JSON.stringify(file)}; unpack it with "unzip" and name that file`;
  }
  if (names.includes('metadata.json') && names.includes('config.json')) {
    return 'is a Keras model (.keras); a GHN is read as PyTorch saves it, with torch.save';
  }
  if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) {
    return 'is a NumPy archive (.npz); save the state dict with torch.save';
  }
  return `is a zip with ${pickles} entries named data.pkl, a torch.save has one; save the state dict with torch.save`;
}

import { join } from 'node:path';
import { describe } from 'vitest';
import { flipBit, openStore, temporaryDirectory } from './directory/setup.js';
import { MemoryStore } from './memory-store.js';
import { type StoreUnderTest, storeContract } from './store-contract.js';

describe('a directory as a store', () => {
  const at = async (directory: string, maxBytes?: number): Promise<StoreUnderTest> => ({
    ...(await openStore(directory, maxBytes)),
    damage: (id) => flipBit(join(directory, 'predictions', id, 'blocks.bin')),
    reopen: () => at(directory, maxBytes),
  });
  storeContract(async (maxBytes) => at(await temporaryDirectory(), maxBytes));
});

describe('the tests’ own store', () => {
  storeContract(async (maxBytes) => {
    const problems: string[] = [];
    const store = new MemoryStore(maxBytes, ({ message }) => problems.push(message));
    const under: StoreUnderTest = {
      store,
      problems,
      damage: async (id) => store.damage(id),
      reopen: async () => under,
    };
    return under;
  });
});

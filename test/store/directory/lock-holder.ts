import { DirectoryStore } from '../../../src/store/directory/directory-store.js';

/** Holds a store until it is killed. */
await DirectoryStore.open(process.argv[2], { maxBytes: 1e9 });
console.log('held');
setInterval(() => {}, 1000);

/** Measures the post-processing stage alone: `node postprocessing.mjs`, with PRODUCTS=cuda for products on the card. */
import { postprocessing } from '../../proof/bench/parts/postprocessing.js';

for (const { what, service } of await postprocessing({ authors: null, directory: '' }))
  console.log(`${what} | ${service}`);

import { MAX_HOPS } from '../../architecture/distances.js';
import { centredWindow } from '../decoder/window.js';
import type { Family } from './family.js';
import { inferKernelDecoder, kernelSize, layOutKernelDecoder, loadKernelDecoder } from './kernel.js';
import { inferTransformer, layOutTransformer, loadTransformer, transformerWork } from './transformer.js';

/** GHN-3 (Knyazev, Hwang, Lacoste-Julien, 2023): a transformer over the graph. */
export const GHN3 = {
  name: 'ghn3',
  title: 'GHN-3',
  options: {},
  recognises: (tensors) => tensors.has('gnn.0.ln1.weight') || tensors.has('gnn.0.attn.to_qkv.weight'),
  isUnused: () => false,
  infer(facts, hidden) {
    if (facts.declared.is_ghn2) facts.fault("the config says is_ghn2 = true, the tensors are a GHN-3's");
    return { ...inferTransformer(facts), ...inferKernelDecoder(facts, hidden), maxHops: MAX_HOPS };
  },
  layOut(layout, config) {
    layOutTransformer(layout, config);
    layOutKernelDecoder(layout, config);
  },
  hasCentrality: true,
  loadEncoder: loadTransformer,
  loadDecoder: (loader, config) => loadKernelDecoder(loader, config, centredWindow),
  repeatsClasses: true,
  refusal: () => null,
  encoderWork: transformerWork,
  decodedSize: kernelSize,
} as const satisfies Family;

import { expect, it } from 'vitest';
import { parseCard } from '../../src/engine/card.js';

it('reads a card’s name and memory as nvidia-smi prints them', () => {
  expect(parseCard('NVIDIA H100 80GB HBM3, 81559, 7423\nNVIDIA H100 80GB HBM3, 81559, 0\n')).toEqual({
    name: 'NVIDIA H100 80GB HBM3',
    memoryBytes: 81559 * 2 ** 20,
    usedBytes: 7423 * 2 ** 20,
  });
});

it.each(['', 'No devices were found\n', 'NVIDIA GB10, [N/A], [N/A]\n'])('finds no card in %j', (output) => {
  expect(parseCard(output)).toBeNull();
});

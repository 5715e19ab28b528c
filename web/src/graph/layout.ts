import { Asker } from '../numeric/ask-worker.js';
import type { Drawing } from './drawing.js';

export const BOX_WIDTH = 190;
export const BOX_HEIGHT = 40;

/** Positions of boxes and edges, in coordinates of the whole drawing. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Centres of the boxes, in the order of the drawing. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** For each edge of the drawing, the points that it passes through, as alternating x and y. */
  readonly lines: readonly Float32Array[];
}

export interface LayoutQuestion {
  readonly ids: readonly string[];
  readonly edges: readonly (readonly [string, string])[];
}

const asker = new Asker<LayoutQuestion, { layout: Layout }>(
  () => new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' }),
);

/** Places the boxes in layers, in a worker. */
export async function layOut({ boxes, edges }: Drawing): Promise<Layout> {
  const { layout } = await asker.ask({ ids: boxes.map(({ id }) => id), edges });
  return layout;
}

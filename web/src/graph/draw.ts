import { colour } from '../app/theme.js';
import type { Camera, Size } from './camera.js';
import type { Drawing } from './drawing.js';
import { BOX_HEIGHT, BOX_WIDTH, type Layout } from './layout.js';
import { opColour } from './ops.js';

/** Below these magnifications, text is not readable, and edges are a blur that only takes time. */
const MIN_TEXT_SCALE = 0.42;

export interface Scene {
  readonly drawing: Drawing;
  readonly layout: Layout;
  readonly selected: string | null;
  readonly found: ReadonlySet<string>;
}

/** Draws only what the camera shows. */
export function drawGraph(
  context: CanvasRenderingContext2D,
  { drawing, layout, selected, found }: Scene,
  camera: Camera,
  window: Size,
): void {
  const ratio = devicePixelRatio;
  const { scale } = camera;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, window.width, window.height);
  context.setTransform(
    ratio * scale,
    0,
    0,
    ratio * scale,
    ratio * (window.width / 2 - camera.x * scale),
    ratio * (window.height / 2 - camera.y * scale),
  );
  const seen = {
    left: camera.x - window.width / 2 / scale - BOX_WIDTH,
    right: camera.x + window.width / 2 / scale + BOX_WIDTH,
    top: camera.y - window.height / 2 / scale - BOX_HEIGHT,
    bottom: camera.y + window.height / 2 / scale + BOX_HEIGHT,
  };
  context.strokeStyle = colour('edge');
  context.lineWidth = Math.max(1.2, 0.7 / scale);
  context.beginPath();
  for (const line of layout.lines) {
    if (line.length < 4 || line[line.length - 1] < seen.top || line[1] > seen.bottom) continue;
    context.moveTo(line[0], line[1]);
    for (let k = 2; k < line.length; k += 2) context.lineTo(line[k], line[k + 1]);
  }
  context.stroke();

  const hasText = scale >= MIN_TEXT_SCALE;
  context.textBaseline = 'middle';
  const accent = colour('accent');
  const mark = colour('mark');
  for (const [index, box] of drawing.boxes.entries()) {
    const x = layout.x[index];
    const y = layout.y[index];
    if (x < seen.left || x > seen.right || y < seen.top || y > seen.bottom) continue;
    const left = x - BOX_WIDTH / 2;
    const top = y - BOX_HEIGHT / 2;
    context.fillStyle = opColour(box.op);
    context.beginPath();
    context.roundRect(left, top, BOX_WIDTH, BOX_HEIGHT, 7);
    context.fill();
    if (box.id === selected || found.has(box.id)) {
      context.strokeStyle = box.id === selected ? accent : mark;
      context.lineWidth = Math.max(4, 2 / scale);
      context.stroke();
    }
    if (!hasText) continue;
    context.fillStyle = '#fff';
    context.font = '600 12px system-ui, sans-serif';
    context.fillText(shorten(box.label), left + 10, y - 7, BOX_WIDTH - 20);
    context.font = '11px system-ui, sans-serif';
    context.fillText(subtitle(box), left + 10, y + 9, BOX_WIDTH - 20);
  }
}

const shorten = (label: string) => (label.length > 26 ? `…${label.slice(-25)}` : label);

function subtitle({ op, nodes }: Drawing['boxes'][number]): string {
  if (op === 'block') return `${nodes.length} nodes`;
  const [{ weight, bias, kernel }] = nodes;
  const shape = weight?.shape ?? bias?.shape ?? kernel;
  return shape ? `${op}  ${shape.join('×')}` : op;
}

/** Returns the box at a point of the window, or null. */
export function boxAt(
  { drawing, layout }: Pick<Scene, 'drawing' | 'layout'>,
  camera: Camera,
  window: Size,
  at: { x: number; y: number },
): string | null {
  const x = camera.x + (at.x - window.width / 2) / camera.scale;
  const y = camera.y + (at.y - window.height / 2) / camera.scale;
  for (const [index, { id }] of drawing.boxes.entries()) {
    if (Math.abs(layout.x[index] - x) <= BOX_WIDTH / 2 && Math.abs(layout.y[index] - y) <= BOX_HEIGHT / 2)
      return id;
  }
  return null;
}

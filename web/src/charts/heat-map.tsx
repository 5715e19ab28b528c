import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../app/theme.js';
import { divergingColour } from './colours.js';

export interface HeatMapProps {
  readonly rows: number;
  readonly columns: number;
  /** Shape [rows, columns], row-major. */
  readonly values: Float32Array;
  /** The value with the strongest colour; the same for all matrices that are compared. */
  readonly limit: number;
  readonly label: string;
  /** End of the repeated block within the window, drawn as lines. */
  readonly tile?: { readonly rows: number; readonly columns: number } | null;
}

/** A matrix as coloured cells: blue below zero, red above. */
export function HeatMap({ rows, columns, values, limit, label, tile }: HeatMapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const currentTheme = theme.value;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || rows === 0 || columns === 0) return;
    const cell = Math.max(1, Math.min(16, Math.floor(960 / Math.max(rows, columns))));
    element.width = columns * cell;
    element.height = rows * cell;
    const image = new ImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let k = 0; k < pixels.length; k++)
      pixels[k] = divergingColour(values[k] / limit, currentTheme === 'dark');
    const small = new OffscreenCanvas(columns, rows);
    small.getContext('2d')!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, element.width, element.height);
    if (!tile) return;
    context.strokeStyle = currentTheme === 'dark' ? '#ffd166' : '#8a5a00';
    context.lineWidth = 2;
    context.beginPath();
    for (let row = tile.rows; row < rows; row += tile.rows)
      line(context, 0, row * cell, element.width, row * cell);
    for (let column = tile.columns; column < columns; column += tile.columns) {
      line(context, column * cell, 0, column * cell, element.height);
    }
    context.stroke();
  }, [rows, columns, values, limit, tile, currentTheme]);
  return <canvas ref={canvas} class="heat-map" role="img" aria-label={label} />;
}

function line(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

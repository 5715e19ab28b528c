import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../app/theme.js';
import { divergingColour } from './colours.js';

export interface FiltersProps {
  /** Convolution filters: [filters, channels, height, width], row-major. */
  readonly values: Float32Array;
  readonly shape: readonly [number, number, number, number];
  readonly label: string;
  /** Range of all filters that are compared; without it, each image has its own range. */
  readonly limit?: number;
}

/** Shows convolution filters. If they have more than three channels, only the first is shown. */
export function Filters({ values, shape: [filters, channels, height, width], label, limit }: FiltersProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const currentTheme = theme.value;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const isColoured = channels === 3;
    const perRow = Math.ceil(Math.sqrt(filters * 1.6));
    const scale = Math.max(2, Math.floor(700 / perRow / (width + 1)));
    element.width = perRow * (width + 1) * scale;
    element.height = Math.ceil(filters / perRow) * (height + 1) * scale;
    context.clearRect(0, 0, element.width, element.height);
    context.imageSmoothingEnabled = false;
    const small = new OffscreenCanvas(width, height);
    const area = height * width;
    for (let filter = 0; filter < filters; filter++) {
      const start = filter * channels * area;
      const own = values.subarray(start, start + (isColoured ? channels : 1) * area);
      const most = limit ?? own.reduce((peak, value) => Math.max(peak, Math.abs(value)), 1e-12);
      const image = new ImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      for (let k = 0; k < area; k++) {
        pixels[k] = isColoured
          ? rgb(own[k] / most, own[area + k] / most, own[2 * area + k] / most)
          : divergingColour(own[k] / most, currentTheme === 'dark');
      }
      small.getContext('2d')!.putImageData(image, 0, 0);
      const x = (filter % perRow) * (width + 1) * scale;
      const y = Math.floor(filter / perRow) * (height + 1) * scale;
      context.drawImage(small, x, y, width * scale, height * scale);
    }
  }, [values, filters, channels, height, width, limit, currentTheme]);
  return <canvas ref={canvas} class="filters" role="img" aria-label={label} />;
}

/** Returns a pixel of ImageData; 0 is middle grey. */
function rgb(red: number, green: number, blue: number): number {
  const byte = (value: number) => Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, value)));
  return ((255 << 24) | (byte(blue) << 16) | (byte(green) << 8) | byte(red)) >>> 0;
}

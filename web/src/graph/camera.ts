/** The visible part of a drawing: the point in the middle of the window, and the magnification. */
export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const MIN_SCALE = 0.02;
const MAX_SCALE = 3;

/** Returns a camera that shows the whole width of a drawing, from its top. */
export function fitWidth(drawing: Size, window: Size): Camera {
  const scale = clampScale(Math.min(1, window.width / Math.max(1, drawing.width)));
  return { x: drawing.width / 2, y: Math.min(drawing.height / 2, window.height / 2 / scale), scale };
}

/** Returns a camera that shows all of a drawing. */
export function fitAll(drawing: Size, window: Size): Camera {
  const scale = Math.min(
    1,
    window.width / Math.max(1, drawing.width),
    window.height / Math.max(1, drawing.height),
  );
  return { x: drawing.width / 2, y: drawing.height / 2, scale: clampScale(scale) };
}

/** Moves the visible part by pixels of the window. */
export function pan({ x, y, scale }: Camera, dx: number, dy: number): Camera {
  return { x: x - dx / scale, y: y - dy / scale, scale };
}

/** Zooms around a point of the window, which stays in place. */
export function zoom(camera: Camera, factor: number, at: { x: number; y: number }, window: Size): Camera {
  const scale = clampScale(camera.scale * factor);
  const dx = at.x - window.width / 2;
  const dy = at.y - window.height / 2;
  return {
    x: camera.x + dx / camera.scale - dx / scale,
    y: camera.y + dy / camera.scale - dy / scale,
    scale,
  };
}

const clampScale = (scale: number) => Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));

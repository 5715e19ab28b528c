/** The sizes that a GHN's decoder has. */
export interface DecoderShape {
  readonly family: 'ghn2' | 'ghn3';
  /** d */
  readonly hidden: number;
  /** C */
  readonly channels: number;
  /** S */
  readonly spatial: number;
  readonly weightNorm: boolean;
}

/** The part of the decoder's [S, S] plane that a kernel is cut from. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * GHN-2 cuts kernels from the corner, GHN-3 from the centre; an axis on which the kernel is larger than the plane is
 * decoded whole, to be resized (spec, section 5, "Window").
 */
export function kernelWindow(
  family: 'ghn2' | 'ghn3',
  spatial: number,
  kernelHeight: number,
  kernelWidth: number,
): Window {
  const start = (size: number) =>
    family === 'ghn2' ? 0 : Math.max(0, Math.floor(spatial / 2) - Math.floor(size / 2));
  return {
    top: start(kernelHeight),
    left: start(kernelWidth),
    height: Math.min(kernelHeight, spatial),
    width: Math.min(kernelWidth, spatial),
  };
}

/** The sizes of a GHN's decoder. */
export interface DecoderShape {
  readonly windowPlace: WindowPlace;
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

/** The index at which a kernel of a given size begins on an axis of the plane, which has length `spatial`. */
export type WindowPlace = (spatial: number, size: number) => number;

/** GHN-2 cuts kernels from the corner of the plane (docs/ghn.md, section 5, "Window"). */
export const cornerWindow: WindowPlace = () => 0;

/** GHN-3 cuts kernels from the centre of the plane. */
export const centredWindow: WindowPlace = (spatial, size) =>
  Math.max(0, Math.floor(spatial / 2) - Math.floor(size / 2));

/**
 * The window of a kernel. If the kernel is larger than the plane on an axis, the whole axis is decoded, and resized
 * later (docs/ghn.md, section 5, "Window").
 */
export function kernelWindow(
  place: WindowPlace,
  spatial: number,
  kernelHeight: number,
  kernelWidth: number,
): Window {
  return {
    top: place(spatial, kernelHeight),
    left: place(spatial, kernelWidth),
    height: Math.min(kernelHeight, spatial),
    width: Math.min(kernelWidth, spatial),
  };
}

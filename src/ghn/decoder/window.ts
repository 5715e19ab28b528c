/** The sizes that a GHN's decoder has. */
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

/** GHN-2 cuts kernels from the corner (docs/ghn.md, section 5, "Window"). */
export const cornerWindow: WindowPlace = () => 0;

/** GHN-3 cuts them from the centre. */
export const centredWindow: WindowPlace = (spatial, size) =>
  Math.max(0, Math.floor(spatial / 2) - Math.floor(size / 2));

/** An axis on which the kernel is larger than the plane is decoded whole, to be resized (docs/ghn.md, section 5, "Window"). */
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

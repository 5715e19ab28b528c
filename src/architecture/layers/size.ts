/** A dimension, or null if unknown, as an image's height is if the request does not give the input size. */
export type Dimension = number | null;

/** The size of a layer's output without the batch: [channels, height, width], [tokens, features] or [features]. */
export type Size = readonly Dimension[];

export function sizeText(size: Size): string {
  return `[${size.map((dimension) => dimension ?? '?').join(', ')}]`;
}

/** Returns true if two dimensions can be equal. An unknown one can equal any. */
export function agree(a: Dimension | undefined, b: Dimension | undefined): boolean {
  return a === null || b === null || a === b;
}

/** Product of the dimensions; null if one is unknown. */
export function product(dimensions: Size): Dimension {
  return dimensions.reduce<Dimension>(
    (total, dimension) => (total === null || dimension === null ? null : total * dimension),
    1,
  );
}

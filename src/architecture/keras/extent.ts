/** Limits on a model's JSON: the depth and number of its values, and the number of keys in each object. */
export interface Extent {
  readonly depth: number;
  readonly values: number;
  readonly keys: number;
}

/** Returns the limit that a nested value exceeds. Stops as soon as one is exceeded. */
export function excess(value: unknown, { depth: most, values, keys }: Extent): keyof Extent | null {
  let left = values;
  const look = (container: unknown, depth: number): keyof Extent | null => {
    if (typeof container !== 'object' || container === null) return null;
    // Calling Object.values on an object with a million keys takes a second; listing its keys takes a fifth of that.
    if (!Array.isArray(container) && Object.keys(container).length > keys) return 'keys';
    const items: readonly unknown[] = Array.isArray(container) ? container : Object.values(container);
    left -= items.length;
    if (left < 0) return 'values';
    if (items.length > 0 && depth === most) return 'depth';
    for (const item of items) {
      const found = look(item, depth + 1);
      if (found) return found;
    }
    return null;
  };
  return look(value, 0);
}

/**
 * Returns true if a JSON text may hold more than that many values: each value is the first in its list or follows a
 * comma.
 */
export function hasMoreValues(text: string, values: number): boolean {
  let found = 0;
  for (let at = 0; at < text.length && found <= values; at++) {
    const character = text[at];
    if (character === ',' || character === '[' || character === '{') found++;
  }
  return found > values;
}

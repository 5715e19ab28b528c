import { signal } from '@preact/signals';

/** The address within the page. It determines all that a view shows, so that reloading and sharing addresses work. */
export interface Route {
  /** Decoded path segments: `['predictions', id]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decodeURIComponent),
    query: new URLSearchParams(query),
  };
}

export const route = signal<Route>(parse(location.hash));

window.addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

/** Returns the address of a view. Empty query values are left out. */
export function href(
  path: readonly string[],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const search = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search && `?${search}`}`;
}

export function navigate(to: string): void {
  location.hash = to;
}

/** Changes the address without a new entry in the history, for values that a person adjusts many times. */
export function replace(to: string): void {
  history.replaceState(null, '', to);
  route.value = parse(to);
}

export const predictionHref = (id: string): string => href(['predictions', id]);
export const tensorHref = (id: string, name: string): string => href(['predictions', id, 'tensors', name]);

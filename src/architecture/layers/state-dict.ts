/** Tensors whose names are the same up to the one that is looked at. */
interface Module<Entry> {
  readonly entries: readonly Entry[];
  /** The index after the last dot that all names share. */
  readonly start: number;
}

/**
 * Puts tensors into the order of PyTorch's state dict, by their dotted names: a module's own before those of the
 * modules in it, else in the order in which they are given.
 *
 * Modules with one module in them and nothing else are passed over together: there are no more others than tensors,
 * where names can have hundreds of dots each.
 */
export function inPyTorchOrder<Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] {
  const ordered: Entry[] = [];
  const stack: Module<Entry>[] = [{ entries, start: 0 }];
  for (let module = stack.pop(); module; module = stack.pop()) {
    const start = commonModules(module);
    const children = new Map<string, Entry[]>();
    for (const entry of module.entries) {
      const dot = entry.name.indexOf('.', start);
      const key = entry.name.slice(start, dot + 1);
      const known = children.get(key);
      if (dot < 0) ordered.push(entry);
      else if (known) known.push(entry);
      else children.set(key, [entry]);
    }
    for (const [key, inside] of [...children].reverse())
      stack.push({ entries: inside, start: start + key.length });
  }
  return ordered;
}

/** The index after the last dot of the prefix that all names share. */
function commonModules<Entry extends { readonly name: string }>({ entries, start }: Module<Entry>): number {
  const first = entries[0]?.name ?? '';
  let end = first.length;
  for (const { name } of entries) {
    let at = start;
    while (at < end && name[at] === first[at]) at++;
    end = at;
  }
  return first.slice(0, end).lastIndexOf('.') + 1;
}

/** Tensors whose names are the same up to `start`. */
interface Module<Entry> {
  readonly entries: readonly Entry[];
  /** The index after the last dot that all names share. */
  readonly start: number;
}

/**
 * Puts tensors into the order of PyTorch's state dict, by their dotted names: a module's own tensors come before those
 * of the modules in it; otherwise the given order stays.
 *
 * A chain of modules that each contain only one module is handled in one step. Without that, names with hundreds of
 * dots would take a step for each dot; with it, there are no more steps than tensors.
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

/** A module with the tensors of its own and the modules inside it, in their order. */
interface Module<Entry> {
  readonly own: Entry[];
  readonly children: Map<string, Module<Entry>>;
}

/**
 * Puts tensors into the order of PyTorch's state dict, by their dotted names: a module's own before those of the
 * modules in it, else in the order in which they are given.
 */
export function inPyTorchOrder<Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] {
  const root: Module<Entry> = { own: [], children: new Map() };
  for (const entry of entries) {
    let module = root;
    for (const key of entry.name.split('.').slice(0, -1)) {
      const child = module.children.get(key) ?? { own: [], children: new Map() };
      module.children.set(key, child);
      module = child;
    }
    module.own.push(entry);
  }
  const ordered: Entry[] = [];
  const stack = [root];
  for (let module = stack.pop(); module; module = stack.pop()) {
    for (const entry of module.own) ordered.push(entry);
    for (const child of [...module.children.values()].reverse()) stack.push(child);
  }
  return ordered;
}

/** Differences between answers and the OpenAPI document since the last call of `takeFaults`. */
let faults: string[] = [];

export function addFaults(found: readonly string[]): void {
  faults.push(...found);
}

export function takeFaults(): string[] {
  const taken = faults;
  faults = [];
  return taken;
}

const ID = /^[0-9a-f]{16,64}$/;

/** Returns true if a text has the form of a prediction's id. Such ids are safe names of folders and objects. */
export function isId(id: string): boolean {
  return ID.test(id);
}

/** @throws Error that says which form an id has */
export function checkId(id: string): void {
  if (!isId(id))
    throw new Error(`${JSON.stringify(id)} is not an id: 16 to 64 hexadecimal digits in lower case`);
}

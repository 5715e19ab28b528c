/** Returns the first line of an error's message, without the full stop at its end. */
export function firstLine(text: string): string {
  const [line] = text.split('\n', 1);
  let end = line.length;
  while (end > 0 && '. '.includes(line[end - 1])) end--;
  return line.slice(0, end);
}

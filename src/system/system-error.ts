import { getSystemErrorMap } from 'node:util';

/** Returns the operating system's description of an error, without the paths; undefined if the system has none. */
export function systemDescription(error: unknown): string | undefined {
  const { code, errno } = error as NodeJS.ErrnoException;
  const [, description] = getSystemErrorMap().get(errno ?? 0) ?? [];
  return description && `${description} (${code})`;
}

import { getSystemErrorMap } from 'node:util';

/** A system's error as the system says it, without the paths it was about; undefined where it has no words for it. */
export function systemDescription(error: unknown): string | undefined {
  const { code, errno } = error as NodeJS.ErrnoException;
  const [, description] = getSystemErrorMap().get(errno ?? 0) ?? [];
  return description && `${description} (${code})`;
}

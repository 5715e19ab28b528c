import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
}

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** All but the project itself. */
const locked = Object.entries(packages).filter(([path]) => path !== '');

it('every package that the service is shipped with is locked to a version and the sha512 of its bytes', () => {
  const shipped = locked.filter(([, { dev }]) => !dev);
  expect(shipped.length).toBeGreaterThan(0);
  const loose = shipped.filter(
    ([, { version, integrity }]) =>
      !version || !integrity?.split(' ').some((hash) => hash.startsWith('sha512-')),
  );
  expect(loose.map(([path]) => path)).toEqual([]);
});

it('no package comes from elsewhere than a registry', () => {
  const elsewhere = locked.filter(([, { resolved }]) => resolved && !/^https:\/\/registry\./.test(resolved));
  expect(elsewhere.map(([path]) => path)).toEqual([]);
});

import { createReadStream, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

/** All packages except the project itself. */
const locked = Object.entries(packages).filter(([path]) => path !== '');

it('every package is locked to a version and the sha512 of its bytes, including those of other platforms', () => {
  expect(locked.length).toBeGreaterThan(0);
  const loose = locked.filter(
    ([, { version, integrity }]) =>
      !version || !integrity?.split(' ').some((hash) => hash.startsWith('sha512-')),
  );
  expect(loose.map(([path]) => path)).toEqual([]);
});

it('every package comes from a registry', () => {
  const elsewhere = locked.filter(([, { resolved }]) => resolved && !/^https:\/\/registry\./.test(resolved));
  expect(elsewhere.map(([path]) => path)).toEqual([]);
});

/** Licences under which a package may be distributed with the service. */
const PERMISSIVE = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
];

/** Returns the packages in the service that have other licences. */
function notPermissive(all: readonly (readonly [path: string, locked: LockedPackage])[]): string[] {
  const allows = (license = '') =>
    license.match(/[\w.-]+/g)?.every((word) => word === 'OR' || PERMISSIVE.includes(word));
  return all
    .filter(([, { dev, license }]) => !dev && !allows(license))
    .map(([path, { license }]) => `${path}: ${license}`);
}

it('every package in the service has a permissive licence', () => {
  expect(notPermissive(locked)).toEqual([]);
});

it('a package under another licence, or without one, is found unless it is only for development', () => {
  const planted = [
    ['node_modules/a', { license: 'GPL-3.0-only' }],
    ['node_modules/b', {}],
    ['node_modules/c', { license: '(MIT OR GPL-2.0)' }],
    ['node_modules/d', { license: 'GPL-3.0-only', dev: true }],
    ['node_modules/e', { license: '(MIT OR Apache-2.0)' }],
  ] as const;
  expect(notPermissive(planted)).toEqual([
    'node_modules/a: GPL-3.0-only',
    'node_modules/b: undefined',
    'node_modules/c: (MIT OR GPL-2.0)',
  ]);
});

it('archives are unpacked by versions that write nothing outside their folder', () => {
  const versionsOf = (name: string) =>
    locked.filter(([path]) => path.endsWith(`node_modules/${name}`)).map(([, { version }]) => version!);
  const isOlder = (version: string, least: string) =>
    version.localeCompare(least, undefined, { numeric: true }) < 0;
  expect(versionsOf('tar').filter((version) => isOlder(version, '7.5.0'))).toEqual([]);
  expect(versionsOf('adm-zip').filter((version) => isOlder(version, '0.6.0'))).toEqual([]);
});

it('the installer of native TensorFlow can unpack with them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ghn-serve-test-'));
  try {
    await writeFile(join(folder, 'a'), 'bytes');
    const load = createRequire(
      createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json'),
    );
    const tar = load('tar') as typeof import('tar');
    await tar.c({ file: join(folder, 'a.tar.gz'), gzip: true, cwd: folder }, ['a']);
    await mkdir(join(folder, 'to'));
    const unpack = tar.x({ C: join(folder, 'to'), strict: true } as object);
    await new Promise((resolve, reject) => {
      createReadStream(join(folder, 'a.tar.gz')).pipe(unpack).on('close', resolve).on('error', reject);
    });
    expect(await readFile(join(folder, 'to', 'a'), 'utf8')).toBe('bytes');
  } finally {
    await rm(folder, { recursive: true });
  }
});

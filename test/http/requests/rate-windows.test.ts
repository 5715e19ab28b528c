import { describe, expect, it } from 'vitest';
import { clientAddress, RateWindows } from '../../../src/http/requests/rate-windows.js';

function windowsOf(maxClients?: number) {
  const clock = { now: 0 };
  const windows = new RateWindows({ now: () => clock.now, maxClients });
  const count = (client: string) => {
    let counted: { current: number; ttl: number } | undefined;
    windows.incr(client, (_, result) => (counted = result), 1000);
    return counted!;
  };
  return { clock, count };
}

describe('windows of a second', () => {
  it('count each client from its first request on, and start again when they are over', () => {
    const { clock, count } = windowsOf();
    expect(count('a')).toEqual({ current: 1, ttl: 1000 });
    clock.now = 400;
    expect(count('a')).toEqual({ current: 2, ttl: 600 });
    expect(count('b')).toEqual({ current: 1, ttl: 1000 });
    clock.now = 1000;
    expect(count('a')).toEqual({ current: 1, ttl: 1000 });
    expect(count('b')).toEqual({ current: 2, ttl: 400 });
  });

  it('drop those that began first if there are too many clients', () => {
    const { count } = windowsOf(2);
    for (const client of ['a', 'b', 'c']) count(client);
    expect([count('b').current, count('c').current, count('a').current]).toEqual([2, 2, 1]);
  });
});

it('include the requests to other services, or only its own while these cannot be asked', async () => {
  let together: { current: number; ttl: number } | null = { current: 7, ttl: 300 };
  const windows = new RateWindows({ now: () => 0, together: async () => together });
  const count = () => new Promise((resolve) => windows.incr('a', (_, result) => resolve(result), 1000));
  expect(await count()).toEqual({ current: 7, ttl: 300 });
  together = null;
  expect(await count()).toEqual({ current: 2, ttl: 1000 });
});

it('do not depend on a clock that can be set', () => {
  const { now } = Date;
  const windows = new RateWindows();
  const counts: number[] = [];
  try {
    for (const offset of [0, -86_400_000, 86_400_000]) {
      Date.now = () => now() + offset;
      windows.incr('a', (_, result) => counts.push(result!.current), 3_600_000);
    }
  } finally {
    Date.now = now;
  }
  expect(counts).toEqual([1, 2, 3]);
});

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('the address %s is counted as %s', (ip, client) => {
  expect(clientAddress(ip)).toBe(client);
});

import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from '../../../src/predictions/board/bull/redis-url.js';

const at = (host: string, port: number) => ({ host, port });

describe('an address of Redis', () => {
  it('may name one server', () => {
    expect(parseRedisUrl('redis://redis')).toEqual({
      kind: 'server',
      hosts: [at('redis', 6379)],
      isEncrypted: false,
    });
    expect(parseRedisUrl('rediss://me:p%40ss@[::1]:6380/2')).toEqual({
      kind: 'server',
      hosts: [at('::1', 6380)],
      isEncrypted: true,
      username: 'me',
      password: 'p@ss',
      database: 2,
    });
    expect(parseRedisUrl('redis://:50%:x@redis/')).toMatchObject({ password: '50%:x' });
  });

  it('may name the Sentinels that know the server', () => {
    expect(parseRedisUrl('redis+sentinel://:pw@one,two:5000/mymaster/1')).toEqual({
      kind: 'sentinel',
      hosts: [at('one', 26_379), at('two', 5000)],
      isEncrypted: false,
      password: 'pw',
      name: 'mymaster',
      database: 1,
    });
  });

  it('may name the servers of a cluster', () => {
    expect(parseRedisUrl('rediss+cluster://one:7000,two:7001')).toEqual({
      kind: 'cluster',
      hosts: [at('one', 7000), at('two', 7001)],
      isEncrypted: true,
    });
  });

  it('has no other form', () => {
    for (const url of [
      'memory',
      'http://redis',
      'redis://',
      'redis://one,two',
      'redis://redis/one',
      'redis+sentinel://one',
      'redis+sentinel://one/',
      'redis+cluster://one/1',
      'redis+other://one',
      'redis://one:x',
    ]) {
      expect([url, parseRedisUrl(url)]).toEqual([url, null]);
    }
  });
});

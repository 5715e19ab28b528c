import type { Redis } from 'ioredis';

/** Who waits says so this often, and is taken for gone after `LEASE_MS` without a word. */
export const RENEWAL_MS = 3000;
export const LEASE_MS = 10_000;

/** Stands among those who wait for all who will come back for a prediction. */
export const DETACHED = 'detached';

/** Decides, for all services at once, whether a prediction is accepted: each place holds the seconds that it will take. */
const ADMIT = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {'joined', '0', '0'} end
local workers = tonumber(ARGV[6])
local seconds = 0
local pending = 0
for _, place in ipairs(redis.call('HVALS', KEYS[1])) do
  seconds = seconds + tonumber(place)
  pending = pending + 1
end
local wait = tostring(seconds / math.max(1, workers))
if pending > tonumber(ARGV[4]) + math.max(0, workers - 1) then return {'queue', wait, tostring(pending)} end
if ARGV[3] == '1' and seconds / math.max(1, workers) > tonumber(ARGV[5]) then return {'wait', wait, tostring(pending)} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'admitted', wait, tostring(pending)}`;

/** Notes who waits, by the server's clock; without a term for as long as it takes. */
const HOLD = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZADD', KEYS[1], ARGV[2] == '' and 'inf' or ms + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], 86400)
return 1`;

/** How many wait, without one that leaves and those that have not said a word for too long. */
const LEAVE = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
return redis.call('ZCARD', KEYS[1])`;

export type Admitted = 'joined' | 'admitted' | 'queue' | 'wait';

export interface AdmitArguments {
  readonly id: string;
  readonly seconds: number;
  readonly isWaitedFor: boolean;
  readonly maxQueue: number;
  readonly maxWaitSeconds: number;
  readonly workers: number;
}

export async function admit(
  redis: Redis,
  places: string,
  { id, seconds, isWaitedFor, maxQueue, maxWaitSeconds, workers }: AdmitArguments,
): Promise<{ readonly outcome: Admitted; readonly waitSeconds: number; readonly pending: number }> {
  const answer = await redis.eval(
    ADMIT,
    1,
    places,
    id,
    seconds,
    isWaitedFor ? 1 : 0,
    maxQueue,
    maxWaitSeconds,
    workers,
  );
  const [outcome, wait, pending] = answer as [Admitted, string, string];
  return { outcome, waitSeconds: Number(wait), pending: Number(pending) };
}

/** @param term in milliseconds; for ever without */
export async function hold(redis: Redis, waiters: string, who: string, term?: number): Promise<void> {
  await redis.eval(HOLD, 1, waiters, who, term ?? '');
}

export async function leave(redis: Redis, waiters: string, who: string): Promise<number> {
  return Number(await redis.eval(LEAVE, 1, waiters, who));
}

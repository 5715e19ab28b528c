import type { Redis } from 'ioredis';
import { SHARE } from '../../admission.js';

/** Who waits says so this often, and is taken for gone after `LEASE_MS` without a word. */
export const RENEWAL_MS = 3000;
export const LEASE_MS = 10_000;

/** Stands among those who wait for all who will come back for a prediction. */
export const DETACHED = 'detached';

/**
 * Decides, for all services at once, whether a prediction is accepted: each place holds the seconds that it will take, and
 * for whom. It is the rule of src/predictions/admission.ts, without memory; of another client's predictions as many count as
 * waited for as this one's own would be, at their mean.
 */
const ADMIT = `
local workers = math.max(1, tonumber(ARGV[6]))
local sums = {}
local counts = {}
local pending = 0
for _, place in ipairs(redis.call('HVALS', KEYS[1])) do
  local seconds = tonumber(string.match(place, '^%S+'))
  local client = string.match(place, ' (.*)$') or ''
  sums[client] = (sums[client] or 0) + seconds
  counts[client] = (counts[client] or 0) + 1
  pending = pending + 1
end
local own = counts[ARGV[7]] or 0
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there then
  -- One of the client's own has its place among them already.
  local mine = (string.match(there, ' (.*)$') or '') == ARGV[7]
  return {'joined', '0', '0', mine and '1000000' or tostring(own)}
end
local seconds = 0
for client, sum in pairs(sums) do
  seconds = seconds + (client == ARGV[7] and sum or sum * math.min(1, (own + 1) / counts[client]))
end
local wait = tostring(seconds / workers)
local free = tonumber(ARGV[4]) + workers - pending
if free <= 0 or own > tonumber(ARGV[8]) * free then return {'queue', wait, tostring(pending), tostring(own)} end
if ARGV[3] == '1' and seconds / workers > tonumber(ARGV[5]) then return {'wait', wait, tostring(pending), tostring(own)} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[7])
return {'admitted', wait, tostring(pending), tostring(own)}`;

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
  /** Who asks; nothing from which a key could be told. */
  readonly client: string;
}

/** The seconds of a place. */
export const placeSeconds = (place: string): number => Number.parseFloat(place);

export async function admit(
  redis: Redis,
  places: string,
  { id, seconds, isWaitedFor, maxQueue, maxWaitSeconds, workers, client }: AdmitArguments,
): Promise<{
  readonly outcome: Admitted;
  readonly waitSeconds: number;
  readonly pending: number;
  /** How many of the client's own are pending. */
  readonly own: number;
}> {
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
    client,
    SHARE,
  );
  const [outcome, wait, pending, own] = answer as [Admitted, string, string, string];
  return { outcome, waitSeconds: Number(wait), pending: Number(pending), own: Number(own) };
}

/** @param term in milliseconds; for ever without */
export async function hold(redis: Redis, waiters: string, who: string, term?: number): Promise<void> {
  await redis.eval(HOLD, 1, waiters, who, term ?? '');
}

export async function leave(redis: Redis, waiters: string, who: string): Promise<number> {
  return Number(await redis.eval(LEAVE, 1, waiters, who));
}

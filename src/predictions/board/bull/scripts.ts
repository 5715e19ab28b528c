import { SHARE } from '../../admission.js';
import type { Channel } from './channel.js';
import type { RedisServers } from './redis.js';

/** A waiting client renews its entry this often, and counts as gone after `LEASE_MS` without a renewal. */
export const RENEWAL_MS = 3000;
export const LEASE_MS = 10_000;

/** Stands among the waiters for all clients that will come back for a prediction. */
export const DETACHED = 'detached';

/**
 * Decides, for all services together, whether a prediction is accepted, and notes who waits for it. Each place holds
 * the predicted seconds and the client. The rule is that of src/predictions/admission.ts, without memory: of every
 * other client, as many predictions count as this client has, including the new one, at their mean time. Nothing is
 * decided if a job with that id exists, or if it was cancelled: the caller has to look at that job first.
 */
const ADMIT = `
local places, waiters, cancelled, job, stored = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if ARGV[11] == '0' and redis.call('EXISTS', cancelled, job) > 0 then return {'look', '0', '0', '0', '0'} end
local function hold()
  local now = redis.call('TIME')
  local ms = now[1] * 1000 + math.floor(now[2] / 1000)
  redis.call('ZADD', waiters, ARGV[10] == '' and 'inf' or ms + ARGV[10], ARGV[9])
  redis.call('EXPIRE', waiters, 86400)
end
local workers = math.max(1, tonumber(ARGV[6]))
local sums = {}
local counts = {}
local pending = 0
for _, place in ipairs(redis.call('HVALS', places)) do
  local seconds = tonumber(string.match(place, '^%S+'))
  local client = string.match(place, ' (.*)$') or ''
  sums[client] = (sums[client] or 0) + seconds
  counts[client] = (counts[client] or 0) + 1
  pending = pending + 1
end
local own = counts[ARGV[7]] or 0
local there = redis.call('HGET', places, ARGV[1])
if there then
  hold()
  -- If it is the client's own prediction, its priority stays.
  local mine = (string.match(there, ' (.*)$') or '') == ARGV[7]
  return {'joined', '0', '0', mine and '1000000' or tostring(own), '1'}
end
local seconds = 0
for client, sum in pairs(sums) do
  seconds = seconds + (client == ARGV[7] and sum or sum * math.min(1, (own + 1) / counts[client]))
end
local wait = tostring(seconds / workers)
local free = tonumber(ARGV[4]) + workers - pending
local told = {wait, tostring(pending), tostring(own), '0'}
if free <= 0 or own > tonumber(ARGV[8]) * free then return {'queue', unpack(told)} end
if ARGV[3] == '1' and seconds / workers > tonumber(ARGV[5]) then return {'wait', unpack(told)} end
redis.call('HSET', places, ARGV[1], ARGV[2] .. ' ' .. ARGV[7])
hold()
return {'admitted', wait, tostring(pending), tostring(own), tostring(redis.call('EXISTS', stored))}`;

/** Notes a waiter until a time by the server's clock; without a term, until the waiters are deleted. */
const HOLD = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZADD', KEYS[1], ARGV[2] == '' and 'inf' or ms + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], 86400)
return 1`;

/** Removes one waiter, and those that have not renewed their entries in time, and returns how many remain. */
const LEAVE = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
return redis.call('ZCARD', KEYS[1])`;

/**
 * Ends a prediction: frees its place, deletes its waiters, and, if it is stored, sends a message to each other
 * service with a waiter. Returns 1 if it was promised to a client that will come back.
 */
const FINISH = `
local waiters, places, stored = KEYS[1], KEYS[2], KEYS[3]
local promised = 0
local told = {}
for _, who in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do
  local service = string.match(who, '^(.-)/')
  if who == ARGV[2] then promised = 1 end
  if service and service ~= ARGV[3] and not told[service] and ARGV[4] ~= '0' then
    told[service] = true
    redis.call('PUBLISH', ARGV[5] .. service, ARGV[6])
  end
end
redis.call('DEL', waiters)
redis.call('HDEL', places, ARGV[1])
if ARGV[4] ~= '0' then redis.call('SET', stored, '1', 'PX', ARGV[4]) end
return promised`;

export type Admitted = 'joined' | 'admitted' | 'queue' | 'wait' | 'look';

export interface AdmitArguments {
  readonly id: string;
  readonly seconds: number;
  readonly isWaitedFor: boolean;
  readonly maxQueue: number;
  readonly maxWaitSeconds: number;
  readonly workers: number;
  /** A digest of the client, which does not reveal its key. */
  readonly client: string;
  /** The waiter's name by `waiterOf`, or `DETACHED`. */
  readonly who: string;
  /** True if the caller has already removed any finished job with this id. */
  readonly hasLooked: boolean;
}

/** The name of a waiter of a service. */
export const waiterOf = (service: string, name: string): string => `${service}/${name}`;

/** The seconds of a place. */
export const placeSeconds = (place: string): number => Number.parseFloat(place);

export async function admit(
  redis: RedisServers,
  channel: Channel,
  { id, seconds, isWaitedFor, maxQueue, maxWaitSeconds, workers, client, who, hasLooked }: AdmitArguments,
): Promise<{
  readonly outcome: Admitted;
  readonly waitSeconds: number;
  readonly pending: number;
  /** Number of pending predictions of the client. */
  readonly own: number;
  /** True if another service may have stored it since the request looked into the store. */
  readonly mayBeStored: boolean;
}> {
  const keys = [
    channel.places,
    channel.waiters(id),
    channel.cancelled(id),
    channel.jobKey(id),
    channel.stored(id),
  ];
  const answer = await redis.eval(
    ADMIT,
    keys.length,
    ...keys,
    id,
    seconds,
    isWaitedFor ? 1 : 0,
    maxQueue,
    maxWaitSeconds,
    workers,
    client,
    SHARE,
    who,
    isWaitedFor ? LEASE_MS : '',
    hasLooked ? 1 : 0,
  );
  const [outcome, wait, pending, own, mayBeStored] = answer as [Admitted, string, string, string, string];
  return {
    outcome,
    waitSeconds: Number(wait),
    pending: Number(pending),
    own: Number(own),
    mayBeStored: mayBeStored !== '0',
  };
}

/** @param term in milliseconds; without it, the waiter does not expire */
export async function hold(redis: RedisServers, waiters: string, who: string, term?: number): Promise<void> {
  await redis.eval(HOLD, 1, waiters, who, term ?? '');
}

export async function leave(redis: RedisServers, waiters: string, who: string): Promise<number> {
  return Number(await redis.eval(LEAVE, 1, waiters, who));
}

export interface FinishArguments {
  readonly id: string;
  /** The service that computed it, which needs no message. */
  readonly service: string;
  /** The message for other services, and how long the note that it is stored is kept; null if it has failed. */
  readonly stored: { readonly message: Buffer; readonly milliseconds: number } | null;
}

/** Ends a prediction. Returns true if it was promised to a client that will come back for it. */
export async function finish(
  redis: RedisServers,
  channel: Channel,
  { id, service, stored }: FinishArguments,
): Promise<boolean> {
  const keys = [channel.waiters(id), channel.places, channel.stored(id)];
  const promised = await redis.eval(
    FINISH,
    keys.length,
    ...keys,
    id,
    DETACHED,
    service,
    stored?.milliseconds ?? 0,
    madeMessages(''),
    stored?.message ?? '',
  );
  return promised === 1;
}

/** The topic on which a service hears that predictions are stored that its clients wait for. */
export const madeMessages = (service: string): string => `{ghn}:made:${service}`;

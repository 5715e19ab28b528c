import { SHARE } from '../../admission.js';
import type { Channel } from './channel.js';
import type { RedisServers } from './redis.js';

/** Who waits says so this often, and is taken for gone after `LEASE_MS` without a word. */
export const RENEWAL_MS = 3000;
export const LEASE_MS = 10_000;

/** Stands among those who wait for all who will come back for a prediction. */
export const DETACHED = 'detached';

/**
 * Decides, for all services at once, whether a prediction is accepted, and notes who waits for it: each place holds the seconds that
 * it will take, and for whom. It is the rule of src/predictions/admission.ts, without memory; of another client's predictions as
 * many count as waited for as this one's own would be, at their mean. Nothing is decided where a job of that id is there
 * already or was given up: whoever asks has to see to that first.
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
  -- One of the client's own has its place among them already.
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

/**
 * A prediction is over: its place is free, nobody waits for it any more, and each other service of which somebody has waited is told
 * that it is stored. Whether it was promised to somebody who will come back.
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
  /** Who asks; nothing from which a key could be told. */
  readonly client: string;
  /** Who waits, as `waiterOf` names them, or `DETACHED`. */
  readonly who: string;
  /** Whether it was seen to that no job that is over stands in the way. */
  readonly hasLooked: boolean;
}

/** One of a service's who wait. */
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
  /** How many of the client's own are pending. */
  readonly own: number;
  /** Whether somebody may have stored it since the one who asks has looked. */
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

/** @param term in milliseconds; for ever without */
export async function hold(redis: RedisServers, waiters: string, who: string, term?: number): Promise<void> {
  await redis.eval(HOLD, 1, waiters, who, term ?? '');
}

export async function leave(redis: RedisServers, waiters: string, who: string): Promise<number> {
  return Number(await redis.eval(LEAVE, 1, waiters, who));
}

export interface FinishArguments {
  readonly id: string;
  /** The service that has worked on it, which needs no message. */
  readonly service: string;
  /** The message for the other services, and how long a note stays that it is stored; null where it has failed. */
  readonly stored: { readonly message: Buffer; readonly milliseconds: number } | null;
}

/** Whether somebody will come back for it. */
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

/** Where a service hears of what is stored of all that is waited for there. */
export const madeMessages = (service: string): string => `{ghn}:made:${service}`;

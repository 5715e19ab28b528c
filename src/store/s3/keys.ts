import { createHash } from 'node:crypto';
import type { PredictionRecord } from '../../record/record.js';
import { type Position, positionOf } from '../list.js';

export const MARKER = 'ghn-serve-store.json';
export const INDEX = 'index/';
export const TRASH = 'trash/';
export const UNFINISHED = 'unfinished/';
export const USED = 'used/';
export const RECORDS = 'records/';
export const ALLOTMENTS = 'allotments/';

/** One attempt to store a prediction. It has its own objects. */
export interface Attempt {
  readonly id: string;
  /** A random name. */
  readonly attempt: string;
  /** Size of all its objects together. */
  readonly bytes: number;
}

/** The facts about a prediction that its index key contains. */
export interface IndexEntry extends Attempt, Position {
  readonly key: string;
  /** Digests of the architecture's name and the GHN's id. */
  readonly architecture: string;
  readonly ghn: string;
}

export const recordKey = (id: string) => `${RECORDS}${id}.json`;
export const remainsKey = (id: string) => `remains/${id}.json`;
export const blocksKey = ({ id, attempt }: Pick<Attempt, 'id' | 'attempt'>) =>
  `attempts/${id}/${attempt}/blocks`;
export const metaKey = ({ id, attempt }: Pick<Attempt, 'id' | 'attempt'>) =>
  `attempts/${id}/${attempt}/meta.json`;
export const unfinishedKey = ({ id, attempt, bytes }: Attempt) => `${UNFINISHED}${id}-${attempt}-${bytes}`;
/** The key of an allotment: room that a service reserves for predictions that it will write. */
export const allotmentKey = (name: string, bytes: number) => `${ALLOTMENTS}${name}-${bytes}`;
export const usedPrefix = (id: string) => `${USED}${id}/`;
export const usedKey = (id: string, service: string) => usedPrefix(id) + service;

/** @param due when its objects may be removed, in milliseconds since 1970 */
export const trashKey = (due: number, { id, attempt, bytes }: Attempt) =>
  `${TRASH}${String(due).padStart(TIME_DIGITS, '0')}-${id}-${attempt}-${bytes}`;

/** A short digest of a name for filters. Names themselves can be long and contain any characters. */
export const nameDigest = (name: string) => createHash('sha256').update(name).digest('hex').slice(0, 8);

const TIME_DIGITS = 13;
const LAST_TIME = 10 ** TIME_DIGITS - 1;

/**
 * Part of an index key. Keys are listed in ascending order, so this puts newer predictions first, and at the same
 * time the larger id.
 */
function rank({ createdAt, id }: Position): string {
  const time = String(LAST_TIME - createdAt).padStart(TIME_DIGITS, '0');
  const turned = id.replaceAll(/./g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
  // `z` sorts after every digit: if one id begins with the other, the longer one counts as larger.
  return `${time}-${turned}z`;
}

/** A key that sorts after the position's own key and before the next position's. */
export const keyBehind = (position: Position) => `${INDEX}${rank(position)}~`;

export function indexKey(record: PredictionRecord, { attempt, bytes }: Attempt): string {
  const names = `${nameDigest(record.architecture.name)}-${nameDigest(record.ghn.id)}`;
  return `${INDEX}${rank(positionOf(record))}-${attempt}-${names}-${bytes}`;
}

const INDEX_KEY = /^index\/(\d{13})-([0-9a-f]+)z-([0-9a-f]+)-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)$/;
const UNFINISHED_KEY = /^unfinished\/([0-9a-f]+)-([0-9a-f]+)-(\d+)$/;
const TRASH_KEY = /^trash\/(\d{13})-([0-9a-f]+)-([0-9a-f]+)-(\d+)$/;
const ALLOTMENT_KEY = /^allotments\/([0-9a-f]+)-(\d+)$/;
const RECORD_KEY = /^records\/([0-9a-f]+)\.json$/;
const USED_KEY = /^used\/([0-9a-f]+)\/([0-9a-f]+)$/;

/** Null if the key is not an index key. */
export function parseIndexKey(key: string): IndexEntry | null {
  const match = INDEX_KEY.exec(key);
  if (!match) return null;
  const [, time, turned, attempt, architecture, ghn, bytes] = match;
  const id = turned.replaceAll(/./g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
  return { key, id, createdAt: LAST_TIME - Number(time), attempt, architecture, ghn, bytes: Number(bytes) };
}

export function parseUnfinishedKey(key: string): Attempt | null {
  const match = UNFINISHED_KEY.exec(key);
  return match && { id: match[1], attempt: match[2], bytes: Number(match[3]) };
}

export function parseAllotmentKey(key: string): Pick<Attempt, 'attempt' | 'bytes'> | null {
  const match = ALLOTMENT_KEY.exec(key);
  return match && { attempt: match[1], bytes: Number(match[2]) };
}

/** The id of a commit; null if the key is not a commit's. */
export const parseRecordKey = (key: string): string | null => RECORD_KEY.exec(key)?.[1] ?? null;

export function parseTrashKey(key: string): (Attempt & { readonly due: number }) | null {
  const match = TRASH_KEY.exec(key);
  return match && { due: Number(match[1]), id: match[2], attempt: match[3], bytes: Number(match[4]) };
}

export function parseUsedKey(key: string): { readonly id: string; readonly service: string } | null {
  const match = USED_KEY.exec(key);
  return match && { id: match[1], service: match[2] };
}

/** Kills of the engine, in the first life of a service. */
const MAX_KILLS = 5;

/** When what happens, in seconds from the first request. */
export interface Schedule {
  /** Caches, the store and the heaps have filled: from here memory and files are judged. */
  readonly warm: number;
  /** Whenever the wall clock is set, before the first kill; the last one sets it right. */
  readonly clockJumps: readonly number[];
  /** Whenever the engine is killed; until the first of these nothing disturbs the service. */
  readonly kills: readonly number[];
  /** The service is stopped while clients are busy, and started again. */
  readonly restart: number;
  /** Once more the engine is killed, in the second life. */
  readonly lastKill: number;
  readonly end: number;
}

/**
 * Memory is judged within the life of a process, so its lives are long: the engine's from the start to the first kill,
 * three quarters of the time, the service's own to its restart, eleven twelfths of it, with all kills but one.
 */
export function scheduleOf(minutes: number): Schedule {
  const end = 60 * minutes;
  const kills = Math.max(1, Math.min(MAX_KILLS, Math.floor(minutes / 2)));
  return {
    warm: end / 6,
    clockJumps: [0.3, 0.45, 0.6].map((part) => end * part),
    kills: Array.from({ length: kills }, (_, index) => end * (0.75 + (0.16 * index) / kills)),
    restart: (end * 11) / 12,
    lastKill: end * 0.96,
    end,
  };
}

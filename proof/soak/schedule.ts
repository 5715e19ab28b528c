/** Number of kills of the engine in the first life of a service. */
const MAX_KILLS = 5;

/** Times of the disturbances, in seconds from the first request. */
export interface Schedule {
  /** The time at which caches, the store and the heaps have filled. From then on, memory and files are judged. */
  readonly warm: number;
  /** Times at which the wall clock is changed, before the first kill. The last one corrects it. */
  readonly clockJumps: readonly number[];
  /** Times at which the engine is killed. Nothing disturbs the service before the first of them. */
  readonly kills: readonly number[];
  /** The time at which the service is stopped while clients are busy, and started again. */
  readonly restart: number;
  /** The time of one more kill of the engine, in the second life. */
  readonly lastKill: number;
  readonly end: number;
}

/**
 * Returns the schedule. Memory is judged within the life of a process, so the lives are long: that of the engine is
 * from the start to the first kill, three quarters of the time; that of the service is up to its restart, eleven
 * twelfths of the time, and includes all kills except one.
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

import { ARCHITECTURE_TARGETS } from './architectures.js';
import { CHECKPOINT_TARGETS } from './checkpoints.js';
import { FORMAT_TARGETS } from './format.js';
import { HTTP_TARGETS } from './http.js';
import type { Target } from './target.js';

/** All targets. Their shares add up to 100. */
export const TARGETS: readonly Target[] = [
  ...ARCHITECTURE_TARGETS,
  ...CHECKPOINT_TARGETS,
  ...FORMAT_TARGETS,
  ...HTTP_TARGETS,
];

export function findTarget(name: string): Target {
  const target = TARGETS.find((candidate) => candidate.name === name);
  if (!target)
    throw new Error(`there is no target ${name}; there are ${TARGETS.map((one) => one.name).join(', ')}`);
  return target;
}

import type { Check } from './check.js';
import type { VerifiedNetwork } from './verify.js';

const COLUMNS = [
  ['network', 20],
  ['parameters', 13],
  ['norm', 13],
  ['expected', 13],
  ['difference', 12],
  ['allowed', 22],
  ['verdict', 9],
] as const;

/** The columns of what is found; those behind are of the check. */
const FOUND = 3;

/** The table's first line. */
export function header(hasChecks: boolean): string {
  const titles = COLUMNS.map(([title]) => title);
  return line(hasChecks ? titles : titles.slice(0, FOUND));
}

/** A network's line; without a check it is only what was found. */
export function row({ name, parameters, norm }: VerifiedNetwork, check: Check | null): string {
  const found = [name, parameters.toLocaleString('en'), decimals(norm.norm)];
  if (!check) return line(found);
  const [least, most] = check.allowed;
  return line([
    ...found,
    decimals(check.expected),
    signed(check.difference),
    `${signed(least)} … ${signed(most)}`,
    check.holds ? 'holds' : 'DIFFERS',
  ]);
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, k) => (k === 0 ? cell.padEnd(COLUMNS[k][1]) : cell.padStart(COLUMNS[k][1])))
    .join(' ')
    .trimEnd();
}

const decimals = (value: number) => value.toFixed(4);

/** Two digits of a small number: `+1.2e-6`. */
function signed(value: number): string {
  const digits = value === 0 ? '0' : value.toExponential(1);
  return value > 0 ? `+${digits}` : digits;
}

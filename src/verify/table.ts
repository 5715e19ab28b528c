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

/** Number of columns with results. The columns after them show the check. */
const FOUND = 3;

/** Returns the first line of the table. */
export function header(hasChecks: boolean): string {
  const titles = COLUMNS.map(([title]) => title);
  return line(hasChecks ? titles : titles.slice(0, FOUND));
}

/** Returns the line of a network; without a check, only the results. */
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

/** Formats a small number with two digits, such as `+1.2e-6`. */
function signed(value: number): string {
  const digits = value === 0 ? '0' : value.toExponential(1);
  return value > 0 ? `+${digits}` : digits;
}

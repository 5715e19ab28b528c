import type { Fault } from './ledger.js';
import type { Soaked } from './soak.js';
import type { Check, Latency, Verdict } from './verdict.js';

const MAX_MESSAGE = 160;

/** Formats the verdict for people, with a line for each check. */
export function verdictLines({ ledger, subject }: Soaked, { holds, checks, latencies }: Verdict): string[] {
  return [
    ...section(
      'What clients did',
      [...ledger.done].map(([kind, count]) => columns(kind, String(count))),
    ),
    ...section('Milliseconds', [HEADER, ...latencies.map(latencyLine)]),
    ...section('Disturbances', [
      `engine killed, ready again after ${seconds(subject.secondsToRecover)}`,
      `service stopped by SIGTERM, ended after ${seconds(subject.secondsToStop)}`,
    ]),
    ...section('Expected answers', faultLines(ledger.expected)),
    ...section('UNEXPECTED answers', faultLines(ledger.unexpected)),
    ...section('Verdict', checks.map(checkLine)),
    '',
    holds ? 'It holds.' : 'It does NOT hold.',
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function columns(first: string, ...others: readonly string[]): string {
  return first.padEnd(34) + others.map((other) => other.padStart(10)).join('');
}

const HEADER = columns('', 'count', 'median', 'p90', 'p99', 'max');

function latencyLine({ what, count, p50, p90, p99, max }: Latency): string {
  return columns(what, String(count), ...[p50, p90, p99, max].map((value) => value.toFixed(1)));
}

const seconds = (values: readonly number[]) => `${values.map((value) => value.toFixed(1)).join(', ')} s`;

function faultLines(faults: ReadonlyMap<string, Fault>): string[] {
  return [...faults.values()]
    .sort((a, b) => b.count - a.count)
    .map(
      ({ kind, message, count, at }) =>
        `${String(count).padStart(6)}  ${kind}: ${message.slice(0, MAX_MESSAGE)} (at ${at.join(', ')} s)`,
    );
}

function checkLine({ name, holds, says }: Check): string {
  const word = holds === null ? 'too short' : holds ? 'holds' : 'FAILS';
  return `${word.padEnd(11)}${name.padEnd(24)}${says}`;
}

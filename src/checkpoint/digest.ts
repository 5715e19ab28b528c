import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CheckpointError } from './error.js';
import type { FileBytes } from './source.js';

/** A part of a file, and the CRC-32 that its bytes must have. */
export interface Section {
  readonly name: string;
  readonly start: number;
  readonly size: number;
  readonly crc: number;
}

/**
 * The digest of a file, "sha256:" and hex. Reads every byte once, and checks each section against its checksum on the
 * way. If the signal is aborted, ends early with an incomplete digest.
 *
 * @throws CheckpointError with the name of a section whose checksum does not match
 */
export async function digestOf(
  file: FileBytes,
  sections: readonly Section[],
  signal: AbortSignal,
): Promise<string> {
  const sha256 = createHash('sha256');
  const checks = new Checks(sections);
  let position = 0;
  for await (const piece of file.pieces()) {
    if (signal.aborted) break;
    sha256.update(piece);
    checks.update(piece, position);
    position += piece.length;
  }
  return `sha256:${sha256.digest('hex')}`;
}

/** The sections in order, and the number of bytes read of the first one. */
class Checks {
  readonly #left: Section[];
  #crc = 0;
  #read = 0;

  constructor(sections: readonly Section[]) {
    this.#left = sections.toSorted((a, b) => b.start - a.start);
    let end = 0;
    for (const { start, size } of this.#left.toReversed()) {
      if (start < end) throw new CheckpointError('the zip is damaged: two of its entries share bytes');
      end = start + size;
    }
  }

  update(piece: Uint8Array, position: number): void {
    for (let section = this.#left.at(-1); section; section = this.#left.at(-1)) {
      const from = section.start + this.#read - position;
      if (from >= piece.length && this.#read < section.size) return;
      const part = piece.subarray(from, section.start + section.size - position);
      this.#crc = crc32(part, this.#crc);
      this.#read += part.length;
      if (this.#read < section.size) return;
      if (this.#crc !== section.crc) {
        throw new CheckpointError(
          `the zip is damaged: its entry ${JSON.stringify(section.name)} does not have the checksum that was written with it; fetch or save the file again`,
        );
      }
      this.#left.pop();
      this.#crc = 0;
      this.#read = 0;
    }
  }
}

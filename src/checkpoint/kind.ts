import type { Stats } from 'node:fs';

/**
 * A kind of file that is not a checkpoint: how to recognise it, and the rest of a sentence that begins with the path
 * and gives the remedy.
 */
interface Kind {
  readonly is: (start: Buffer, text: string) => boolean;
  readonly message: string;
}

const FETCH_AGAIN = 'fetch it again, and look at what comes before you save it';

const begins =
  (...bytes: readonly number[]) =>
  (start: Buffer): boolean =>
    bytes.every((byte, at) => start[at] === byte);

const beginsWith =
  (...words: readonly string[]) =>
  (_: Buffer, text: string): boolean =>
    words.some((word) => text.startsWith(word));

/** A tar has the word "ustar" in its first header. */
const isTar = (start: Buffer): boolean => start.toString('latin1', 257, 262) === 'ustar';

/** A compression that joblib can write and no published GHN uses. zlib and gzip files can be read. */
const compressed = (name: string, command: string, ...magic: readonly number[]): Kind => ({
  is: begins(...magic),
  message: `is compressed with ${name}, which is not read here; decompress it first, with "${command}", and name the result`,
});

/** The first match counts. The text is in lower case and has no blanks at its beginning. */
const KINDS: readonly Kind[] = [
  {
    is: beginsWith('version https://git-lfs'),
    message: 'is a pointer of git-lfs, not the file itself; fetch it with "git lfs pull"',
  },
  {
    is: (start) => start.every((byte) => byte === 0),
    message: 'begins with zeros alone: the download was not finished; fetch it again',
  },
  {
    is: beginsWith('<!doctype html', '<html', '<head', '<body'),
    message: `is a web page, not the file that it leads to; ${FETCH_AGAIN}`,
  },
  {
    is: beginsWith('<?xml', '<error', '<!doctype'),
    message: `is XML, as servers send it for an error; ${FETCH_AGAIN}`,
  },
  {
    is: (_, text) => /^[[{]\s*(?:["[\]{}]|$)/.test(text),
    message: `is JSON, as servers send it for an error; ${FETCH_AGAIN}`,
  },
  {
    is: (start, text) => isTar(start) && /^(?:storages|tensors|sys_info|pickle)\0/.test(text),
    message: 'is in a format that PyTorch no longer writes; load it there and save it again',
  },
  {
    is: (_, text) => text.startsWith('zf0x'),
    message: 'is in a format that joblib no longer writes; load it there and save it again',
  },
  {
    is: isTar,
    message: 'is a .tar archive; unpack it with "tar -xf" and name the file within it',
  },
  compressed('bzip2', 'bunzip2', 0x42, 0x5a, 0x68),
  compressed('xz', 'unxz', 0xfd, 0x37, 0x7a, 0x58, 0x5a),
  compressed('lzma', 'unlzma', 0x5d, 0x00, 0x00),
  compressed('lz4', 'unlz4', 0x04, 0x22, 0x4d, 0x18),
  compressed('zstd', 'unzstd', 0x28, 0xb5, 0x2f, 0xfd),
  {
    is: begins(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c),
    message: 'is a .7z archive; unpack it and name the file within it',
  },
  { is: beginsWith('rar!'), message: 'is a .rar archive; unpack it and name the file within it' },
  {
    is: begins(0x89, 0x48, 0x44, 0x46),
    message: 'is HDF5, as Keras saves weights; a GHN is read as PyTorch saves it, with torch.save',
  },
  {
    is: begins(0x93, 0x4e, 0x55, 0x4d),
    message: 'is one NumPy array (.npy); save the whole state dict with torch.save',
  },
  { is: beginsWith('gguf'), message: 'is GGUF, which holds a language model; name the checkpoint of a GHN' },
  { is: beginsWith('%pdf'), message: `is a PDF; ${FETCH_AGAIN}` },
  { is: begins(0x89, 0x50, 0x4e, 0x47), message: `is a picture (PNG); ${FETCH_AGAIN}` },
  { is: begins(0xff, 0xd8, 0xff), message: `is a picture (JPEG); ${FETCH_AGAIN}` },
  { is: begins(0x7f, 0x45, 0x4c, 0x46), message: 'is a program; name the checkpoint of a GHN' },
];

/** The number of characters of a text file that a message shows. */
const SHOWN_CHARACTERS = 60;

/**
 * The end of a sentence about a file that is not a checkpoint: its kind, judging by its first bytes, and what to do.
 */
export function kindOf(start: Uint8Array): string {
  if (start.length === 0) return 'is empty: nothing was saved or fetched; fetch or save it again';
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  // In UTF-16, every second byte of ASCII text is zero. Some servers send errors in UTF-16.
  const text = bytes
    .toString(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8')
    .replace(/^\ufeff/, '');
  const trimmed = text.trimStart().toLowerCase();
  const kind = KINDS.find(({ is }) => is(bytes, trimmed));
  if (kind) return kind.message;
  if (isText(text)) {
    return `is text, ${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))}; expected a torch.save, a joblib pickle or a safetensors file`;
  }
  return 'expected a torch.save, a joblib pickle or a safetensors file, found none of them; save the state dict with torch.save';
}

/**
 * True if a text has no control characters except line breaks and tabs. Its last character may be incomplete, so it is
 * ignored.
 */
function isText(text: string): boolean {
  for (const character of text.slice(0, -1)) {
    const code = character.codePointAt(0)!;
    if ((code < 32 && !'\t\n\r'.includes(character)) || code === 0xfffd) return false;
  }
  return true;
}

/** The reason why a text cannot be the path of a file on this machine; null if it may be one. */
export function pathFault(path: string): string | null {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    return path.toLowerCase().startsWith('file:')
      ? 'is a URL; write the path alone, without file://'
      : 'is a URL of a kind that is not supported; write https://…, hf://owner/repository/file, or the path of the file';
  }
  if (/^~[^/]*(?:\/|$)/.test(path)) {
    return 'begins with ~, which a shell would replace with the home directory, but the service does not; write the full path, or $HOME instead of ~';
  }
  return null;
}

/** For a path that is not a file, says what it is and what to do; null for a file. */
export function nodeFault(stats: Stats): string | null {
  if (stats.isFile()) return null;
  if (stats.isDirectory()) return 'is not a file but a directory; name the file within it';
  if (stats.isFIFO()) return 'is not a file but a pipe (FIFO); save its output to a file, and name that';
  if (stats.isSocket()) return 'is not a file but a socket; name the file of the checkpoint';
  if (stats.isCharacterDevice() || stats.isBlockDevice())
    return 'is not a file but a device; name the file of the checkpoint';
  return 'is not a file; name the file of the checkpoint';
}

"""`prune_cuda.py LIBRARY COPY [ARCHITECTURE]`: a copy of a CUDA library whose device code for other cards is zeros, so that
it compresses to a twentieth. ARCHITECTURE is that of the card, 90 for an H100. CUTLASS' and flash attention's kernels are
left out too: no operation of the GHN uses them.
"""

import mmap
import shutil
import struct
import subprocess
import sys

FAT_BINARY = struct.pack("<I", 0xBA55ED50)
ZSTANDARD = b"\x28\xb5\x2f\xfd"


def fat_binaries(library):
    """Each fat binary's entries: (architecture, start, size)."""
    at = 0
    while (at := library.find(FAT_BINARY, at)) >= 0:
        version, header, size = struct.unpack_from("<HHQ", library, at + 4)
        end = at + header + size
        if version != 1 or header != 16 or end > len(library):
            at += 4
            continue
        entries, position = entries_of(library, at + header, end)
        if entries:
            yield entries
        at = position if position == end else at + 4


def entries_of(library, position, end):
    entries = []
    while position < end:
        if position + 64 > len(library):
            break
        kind, version, header, size = struct.unpack_from("<HHIQ", library, position)
        if kind == 0 and version == 0:
            position += 8
            continue
        if kind > 64 or not 24 <= header <= 4096 or position + header + size > end:
            break
        (architecture,) = struct.unpack_from("<I", library, position + 28)
        entries.append((architecture, position + header, size))
        position += header + size
    return entries, position


def is_dropped(code):
    if code.startswith(ZSTANDARD):
        code = subprocess.run(["zstd", "-dcq"], input=code, capture_output=True).stdout
    return b"flash" in code or (b"cutlass" in code and b"contrib" not in code)


def main(source, target, wanted="90"):
    wanted = int(wanted)
    shutil.copyfile(source, target)
    with open(target, "r+b") as file, mmap.mmap(file.fileno(), 0) as library:
        for entries in list(fat_binaries(library)):
            architectures = {architecture for architecture, _, _ in entries}
            own = [library[start : start + size] for which, start, size in entries if which == wanted]
            dropped = not own or architectures == {wanted} or any(is_dropped(code) for code in own)
            for architecture, start, size in entries:
                if dropped or architecture != wanted:
                    library[start : start + size] = bytes(size)


main(*sys.argv[1:])

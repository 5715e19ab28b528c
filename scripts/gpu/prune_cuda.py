"""`prune_cuda.py LIBRARY COPY [ARCHITECTURE [every]]`: a copy of a CUDA library whose device code for other cards is zeros,
so that it compresses to a fraction. ARCHITECTURE is that of the card, 90 for an H100.

Of onnxruntime's library CUTLASS' and flash attention's kernels are left out too: no operation of the GHN uses them. With
`every`, for TensorFlow's, all kernels are kept: as machine code for the card, or where there is none as the latest
intermediate code (PTX) that the driver can compile for it.
"""

import mmap
import shutil
import struct
import subprocess
import sys

FAT_BINARY = struct.pack("<I", 0xBA55ED50)
ZSTANDARD = b"\x28\xb5\x2f\xfd"
PTX, MACHINE_CODE = 1, 2


def fat_binaries(library):
    """Each fat binary's entries: (kind, architecture, start, size)."""
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
        entries.append((kind, architecture, position + header, size))
        position += header + size
    return entries, position


def is_dropped(code):
    if code.startswith(ZSTANDARD):
        code = subprocess.run(["zstd", "-dcq"], input=code, capture_output=True).stdout
    return b"flash" in code or (b"cutlass" in code and b"contrib" not in code)


def kept_for_onnxruntime(library, entries, wanted):
    architectures = {architecture for _, architecture, _, _ in entries}
    own = [entry for entry in entries if entry[1] == wanted]
    if architectures == {wanted} or any(is_dropped(library[start : start + size]) for _, _, start, size in own):
        return []
    return own


def kept_of_every_kernel(_library, entries, wanted):
    own = [entry for entry in entries if entry[:2] == (MACHINE_CODE, wanted)]
    ptx = [entry for entry in entries if entry[0] == PTX and entry[1] <= wanted]
    return own or sorted(ptx, key=lambda entry: entry[1])[-1:]


def main(source, target, wanted="90", which=""):
    keep = kept_of_every_kernel if which == "every" else kept_for_onnxruntime
    shutil.copyfile(source, target)
    with open(target, "r+b") as file, mmap.mmap(file.fileno(), 0) as library:
        for entries in list(fat_binaries(library)):
            kept = keep(library, entries, int(wanted))
            for entry in entries:
                _, _, start, size = entry
                if entry not in kept:
                    library[start : start + size] = bytes(size)


main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""How much memory a kernel image needs, from the header of its file."""

from __future__ import annotations

from carveout.cli.files import read_start
from carveout.errors import InputError, UsageError

_HEADER = 64
_MAGIC_AT = 56
_SIZE_AT = 16
_ARM64_MAGIC = b"ARM\x64"

# Files that hold a kernel in another form, by what they start with.
_OTHER_FORMS = (
    (b"\x1f\x8b", "gzip-compressed"),
    (b"\xfd7zXZ", "xz-compressed"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed"),
    (b"\x7fELF", "an ELF file"),
    (b"\x27\x05\x19\x56", "a U-Boot image"),
    (b"\xd0\x0d\xfe\xed", "a FIT image or device tree"),
)


def image_size(path: str) -> int:
    """Return the bytes that an arm64 Image occupies in memory (`image_size` of its header).

    Raises InputError when the file cannot be read, UsageError when it is no uncompressed arm64 Image.
    """
    header = read_start(path, what="a kernel image", size=_HEADER)
    if header[_MAGIC_AT:_HEADER][:4] != _ARM64_MAGIC:
        raise UsageError(
            f"--image {path}: {_what_it_is(header)}, expected an uncompressed arm64 Image; "
            "pass --kernel-image BASE+SIZE instead"
        )
    size = int.from_bytes(header[_SIZE_AT : _SIZE_AT + 8], "little")
    if size == 0:
        raise InputError(
            f"{path}: the header gives no image_size (older than Linux 3.17); pass --kernel-image BASE+SIZE"
        )
    return size


def _what_it_is(header: bytes) -> str:
    for magic, words in _OTHER_FORMS:
        if header.startswith(magic):
            return f"is {words}"
    if header[:2] == b"MZ" and header[4:8] == b"zimg":
        return "is a compressed EFI image"
    return "is no arm64 Image"

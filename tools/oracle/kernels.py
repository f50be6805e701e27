# SPDX-License-Identifier: Apache-2.0
"""Kernel files: which there are, what their headers say, and the plain image inside, which a loader can place."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carveout.errors import CarveoutError
from carveout.kernel.image import read_image

if TYPE_CHECKING:
    from pathlib import Path

_GZIP = b"\x1f\x8b"
_ZBOOT = b"zimg"


class KernelError(Exception):
    """A kernel file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One kernel that can be booted. Sizes in bytes."""

    release: str
    arch: str
    """`arm64`, `arm` or `riscv64`."""
    page_size: int
    image_size: int | None
    """From the header: memory the image takes; arm: bytes of the zImage."""
    text_offset: int | None
    path: Path
    is_packed: bool
    """Whether the image has to be unpacked before a loader can place it."""


def find_kernels(top: Path) -> list[Kernel]:
    """Return every kernel below a folder, ordered by architecture and release."""
    found = [kernel for path in sorted(top.rglob("vmlinu[xz]-*")) if (kernel := describe(path)) is not None]
    return sorted(found, key=lambda kernel: (kernel.arch, _version(kernel.release), kernel.page_size))


def describe(path: Path) -> Kernel | None:
    """Return what the header of one file says, or None when it is no kernel that can be booted here."""
    data = path.read_bytes()
    try:
        info = read_image(unpacked(data) if data[4:8] == _ZBOOT or data[:2] == _GZIP else data)
    except (CarveoutError, KernelError):
        return None
    if info.page_size is None:
        return None
    return Kernel(
        release=path.name.partition("-")[2],
        arch=info.arch,
        page_size=info.page_size,
        image_size=info.file_size if info.form == "zImage" else info.image_size,
        text_offset=None if info.form == "zImage" else info.text_offset,
        path=path,
        is_packed=data[4:8] == _ZBOOT or data[:2] == _GZIP,
    )


def plain_image(kernel: Kernel, cache: Path) -> Path:
    """Return a file that a loader can place as it is; what has to be unpacked for it is kept in `cache`."""
    if not kernel.is_packed:
        return kernel.path
    plain = cache / f"Image-{kernel.release}"
    if not plain.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = plain.with_suffix(".partial")
        partial.write_bytes(unpacked(kernel.path.read_bytes()))
        partial.rename(plain)
    return plain


def unpacked(data: bytes) -> bytes:
    """Return the image inside an EFI zboot or gzip wrapper, or the data itself. Raises: KernelError."""
    if data[4:8] == _ZBOOT:
        start, size = (int.from_bytes(data[at : at + 4], "little") for at in (8, 12))
        method = data[0x18:0x38].split(b"\0", 1)[0].decode("ascii", "replace")
        return _unpack(method, data[start : start + size])
    return _unpack("gzip", data) if data[:2] == _GZIP else data


def _unpack(method: str, data: bytes) -> bytes:
    try:
        if method.startswith("gzip"):
            return zlib.decompressobj(wbits=31).decompress(data)
        if method.startswith(("xz", "lzma")):
            return lzma.decompress(data)
    except (zlib.error, lzma.LZMAError) as error:
        raise KernelError(f"damaged: {error}") from error
    if method.startswith("zstd") and shutil.which("zstd"):
        done = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=False)
        if done.returncode == 0:
            return done.stdout
    raise KernelError(f"packed with {method}, which cannot be unpacked here (zstd: apt-get install zstd)")


def _version(release: str) -> tuple[int, ...]:
    numbers = release.partition("-")[0].partition("+")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdigit())

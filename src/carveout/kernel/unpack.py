# SPDX-License-Identifier: Apache-2.0
"""The beginning of a compressed kernel: bounded in what it returns and in what it needs to get there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import KernelImageError, ToolMissing

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20

_LZMA_MEMORY = 256 * MIB
"""Most memory an lzma decoder may take: dictionaries of kernels have at most 128 MiB."""
_ZSTD_WINDOW = 128 * MIB
"""Largest zstd window, what `zstd --ultra -22` uses for kernels."""


def unpack_start(method: str, data: memoryview, *, limit: int) -> bytes:
    """Return at most `limit` bytes of what `data` unpacks to. method: gzip, zstd, xz, lzma, bzip2, lz4 or lzo.

    Raises: KernelImageError for damaged data, ToolMissing when this Python cannot unpack the method.
    """
    name = method.lower()
    # EFI zboot writes the level behind it: zstd22.
    reader = next((reader for prefix, reader in _READERS.items() if name.startswith(prefix)), None)
    if reader is None:
        raise ToolMissing(
            f"is compressed with {_shown(method)}, which carveout cannot unpack: unpack it first, "
            "or pass --kernel-image BASE+SIZE"
        )
    unpacked = reader(data, limit)
    if not unpacked:
        raise KernelImageError(f"is compressed with {_shown(method)}, but nothing can be unpacked from it")
    return unpacked[:limit]


def _shown(method: str) -> str:
    return method if method.isprintable() and method else repr(method)


def _gzip(data: memoryview, limit: int) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(wbits=31).decompress(data, limit)
    except zlib.error as error:
        raise KernelImageError(f"is damaged: gzip: {error}") from error


def _lzma(data: memoryview, limit: int) -> bytes:
    import lzma

    try:
        return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(data, max_length=limit)
    except lzma.LZMAError as error:
        raise KernelImageError(f"is damaged: lzma: {error}") from error


def _bzip2(data: memoryview, limit: int) -> bytes:
    import bz2

    try:
        return bz2.BZ2Decompressor().decompress(data, max_length=limit)
    except OSError as error:
        raise KernelImageError(f"is damaged: bzip2: {error}") from error


def _zstd(data: memoryview, limit: int) -> bytes:
    # In the standard library since Python 3.14; before that the package zstandard.
    from importlib import import_module
    from importlib.util import find_spec

    if find_spec("compression") is not None and find_spec("compression.zstd") is not None:
        zstd = import_module("compression.zstd")
        try:
            return bytes(zstd.ZstdDecompressor().decompress(bytes(data), max_length=limit))
        except zstd.ZstdError as error:
            raise KernelImageError(f"is damaged: zstd: {error}") from error
    if find_spec("zstandard") is None:
        raise ToolMissing(
            "is compressed with zstd, which this Python cannot unpack: pip install 'carveout[zstd]', or "
            "unpack it first (zstd -d), or pass --kernel-image BASE+SIZE"
        )
    zstandard = import_module("zstandard")
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(bytes(data))
        return bytes(reader.read(limit))
    except zstandard.ZstdError as error:
        raise KernelImageError(f"is damaged: zstd: {error}") from error


_READERS: dict[str, Callable[[memoryview, int], bytes]] = {
    "gzip": _gzip,
    "zstd": _zstd,
    "xz": _lzma,
    "lzma": _lzma,
    "bzip2": _bzip2,
}

# SPDX-License-Identifier: Apache-2.0
"""Headers of kernel files, made by hand; and, where a folder of Debian's kernels is named, the real ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carveout.boot.image import image_span, unpacked_at
from carveout.errors import KernelImageError, ToolMissing
from carveout.kernel import resolve
from carveout.kernel.image import read_image

if TYPE_CHECKING:
    from collections.abc import Callable

KERNELS = os.environ.get("CARVEOUT_KERNELS", "")

MIB = 1 << 20


def arm64_image(size: int, *, flags: int = 0b1010, text_offset: int = 0) -> bytes:
    head = struct.pack("<IIQQQ", 0x91005A4D, 0x14000000, text_offset, size, flags)
    return (head + bytes(24) + b"ARM\x64" + bytes(4)).ljust(4096, b"\x1f")


def riscv_image(size: int) -> bytes:
    head = struct.pack("<IIQQQII", 0x0505106F, 0, 0x200000, size, 0, 2, 0)
    return (head + bytes(8) + b"RISCV\0\0\0" + b"RSC\x05" + bytes(4)).ljust(4096, b"\x13")


def zimage(*, order: str = "<", table: bool = True, size: int = 0x1000000, bss: int = 0x5F120) -> bytes:
    data = bytearray(4096)
    struct.pack_into(order + "3I", data, 0x24, 0x016F2818, 0, 4096)
    struct.pack_into(order + "I", data, 0x30, 0x04030201)
    if table:
        struct.pack_into(order + "2I", data, 0x34, 0x45454545, 0x200)
        struct.pack_into(order + "6I", data, 0x200, 6, 0x5A534C4B, 0x300, bss, 0x208000, 0x10000)
        struct.pack_into("<I", data, 0x300, size)
    return bytes(data)


def zboot(payload: bytes, method: bytes) -> bytes:
    head = b"MZ\0\0zimg" + struct.pack("<II", 0x100, len(payload)) + bytes(8) + method
    return head.ljust(0x100, b"\0") + payload + b"tail"


def vmlinux(*, machine: int = 21, order: str = "<") -> bytes:
    marker = 1 if order == "<" else 2
    head = b"\x7fELF" + bytes([2, marker, 1]) + bytes(9)
    head += struct.pack(order + "HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack(order + "IIQQQQQQ", 1, 5, 0x10000, 0xC000000000000000, 0, 0x27000, 0x287C918, 0x10000)
    note = struct.pack(order + "IIQQQQQQ", 4, 4, 0, 0, 0x7F000000, 0x54, 0x54, 4)
    return head + load + note


def test_arm64_image_gives_size_pages_and_byte_order() -> None:
    info = read_image(arm64_image(0x24F0000))
    assert (info.arch, info.form, info.image_size, info.text_offset) == ("arm64", "Image", 0x24F0000, 0)
    assert (info.page_size, info.big_endian, info.is_compressed) == (4096, False, False)
    assert read_image(arm64_image(0x25A0000, flags=0b1101)).page_size == 16384
    assert read_image(arm64_image(0x25A0000, flags=0b1101)).big_endian
    assert read_image(arm64_image(0x25A0000, flags=0b1110)).page_size == 65536
    assert read_image(arm64_image(0x25A0000, flags=0)).page_size is None


def test_an_image_older_than_3_17_gives_no_size() -> None:
    info = read_image(arm64_image(0))
    assert info.image_size is None
    assert "3.17" in info.why


def test_riscv_image() -> None:
    info = read_image(riscv_image(0x1E6B000))
    assert (info.arch, info.image_size, info.text_offset) == ("riscv64", 0x1E6B000, 0x200000)


@pytest.mark.parametrize("order", ["<", ">"])
def test_zimage_gives_the_size_of_what_it_unpacks(order: str) -> None:
    info = read_image(zimage(order=order))
    assert (info.arch, info.form, info.file_size) == ("arm", "zImage", 4096)
    assert info.image_size == 0x1000000 + 0x5F120
    assert info.text_offset == 0x208000
    assert info.big_endian == (order == ">")
    assert info.is_compressed


def test_zimage_without_its_table_says_that_the_size_is_not_known() -> None:
    info = read_image(zimage(table=False))
    assert info.image_size is None
    assert info.file_size == 4096
    assert "table" in info.why


@pytest.mark.parametrize("order", ["<", ">"])
def test_powerpc_vmlinux_is_as_large_as_what_it_loads(order: str) -> None:
    info = read_image(vmlinux(order=order))
    assert (info.arch, info.form, info.image_size) == ("powerpc64", "ELF", 0x287C918)


PACKERS = [
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("xz", lzma.compress, id="xz"),
    pytest.param("lzma", lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE), id="lzma"),
    pytest.param("bzip2", bz2.compress, id="bzip2"),
]


@pytest.mark.parametrize(("name", "pack"), PACKERS)
def test_packed_images_are_read(name: str, pack: Callable[[bytes], bytes]) -> None:
    info = read_image(pack(arm64_image(0x2010000)))
    assert (info.image_size, info.wrappers) == (0x2010000, (name,))
    info = read_image(zboot(pack(riscv_image(0x1E6B000)), name.encode()))
    assert (info.image_size, info.wrappers) == (0x1E6B000, ("EFI zboot", name))


def test_zstd_is_read_where_it_can_be() -> None:
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.ZstdCompressor().compress(arm64_image(0x2010000))
    assert read_image(packed).wrappers == ("zstd",)
    assert read_image(zboot(packed, b"zstd22")).image_size == 0x2010000


def test_zstd_names_the_extra_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ToolMissing, match=r"carveout\[zstd\]"):
        read_image(b"\x28\xb5\x2f\xfd" + bytes(100))


def test_a_bomb_costs_no_memory() -> None:
    bomb = gzip.compress(arm64_image(0x2010000) + bytes(64 * MIB))
    tracemalloc.start()
    assert read_image(bomb).image_size == 0x2010000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB


def test_wrappers_without_end_are_refused() -> None:
    data = arm64_image(0x2010000)
    for _ in range(6):
        data = gzip.compress(data)
    with pytest.raises(KernelImageError, match="more than 4 times"):
        read_image(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "too short", id="empty"),
        pytest.param(b"\x27\x05\x19\x56" + bytes(100), "uImage", id="uimage"),
        pytest.param(b"\xd0\x0d\xfe\xed" + bytes(100), "FIT", id="fit"),
        pytest.param(b"ANDROID!" + bytes(100), "Android", id="android"),
        pytest.param(b"MZ" + bytes(100), "EFI program", id="efi"),
        pytest.param(b"plain text, and more than 64 bytes of it" * 4, "no kernel image", id="text"),
        pytest.param(vmlinux(machine=183), "machine 183", id="arm64-vmlinux"),
        pytest.param(vmlinux()[:70], "program headers", id="elf-cut-off"),
        pytest.param(zboot(b"", b"gzip"), "outside the file", id="zboot-empty"),
        pytest.param(zboot(gzip.compress(b"x" * 99), b"gzip")[:0x102], "outside the file", id="zboot-cut"),
        pytest.param(b"\x1f\x8b" + b"\xff" * 100, "damaged", id="gzip-damaged"),
        pytest.param(b"\xfd7zXZ\0" + b"\xff" * 100, "damaged", id="xz-damaged"),
        pytest.param(gzip.compress(b"short"), "too short", id="nothing-inside"),
    ],
)
def test_other_files_are_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(KernelImageError, match=words):
        read_image(data)


def test_a_method_that_cannot_be_unpacked_is_named() -> None:
    with pytest.raises(ToolMissing, match="lz4"):
        read_image(b"\x02\x21\x4c\x18" + bytes(100))


# What the recorded boots say the kernel reserved, from the headers of the same kernels.
@pytest.mark.parametrize(
    ("kernel", "arch", "page_size", "at", "size", "reserved"),
    [
        pytest.param("5.10", "arm64", 4096, 0x40200000, 0x1AD0000, (0x40200000, 0x1AD0000), id="arm64-5.10"),
        pytest.param("6.1", "arm64", 4096, 0x40200000, 0x2010000, (0x40210000, 0x2000000), id="arm64-6.1"),
        pytest.param("7.2", "arm64", 4096, 0x40200000, 0x2F00000, (0x40200000, 0x2F00000), id="arm64-7.2"),
        pytest.param("7.2", "arm", 4096, 0x40208000, 0x18A4E84, (0x40300000, 0x17ACE84), id="arm-7.2"),
        pytest.param("6.1", "arm", 4096, 0x40208000, 0x13FF588, (0x40300000, 0x1307588), id="arm-6.1"),
        pytest.param(
            "6.12", "riscv64", 4096, 0x80200000, 0x1E6B000, (0x80200000, 0x2000000), id="riscv-6.12"
        ),
        pytest.param("7.2", "riscv64", 4096, 0x80200000, 0x23A0000, (0x80200000, 0x2400000), id="riscv-7.2"),
        pytest.param("6.1", "powerpc64", 65536, 0, 0x287C918, (0, 0x2880000), id="powerpc-6.1"),
        pytest.param("7.2", "powerpc64", 4096, 0, 0x2AEC7D8, (0, 0x2AED000), id="powerpc-7.2"),
    ],
)
def test_what_the_kernel_reserves_for_itself(
    kernel: str, arch: str, page_size: int, at: int, size: int, reserved: tuple[int, int]
) -> None:
    try:
        profile = resolve(kernel, arch=arch, page_size=page_size)
    except Exception as error:  # noqa: BLE001 - an architecture that is not simulated yet
        pytest.skip(str(error))
    span = image_span(profile, at, size)
    assert (span.start, span.size) == reserved


def test_where_a_zimage_unpacks_itself() -> None:
    assert unpacked_at(0x40010000, 0x208000) == 0x40208000
    assert unpacked_at(0x4A000000, 0x8000) == 0x48008000


REAL = {
    "vmlinuz-5.10.0-32-arm64": ("arm64", 0x1AD0000),
    "vmlinuz-6.1.0-50-arm64": ("arm64", 0x2010000),
    "vmlinuz-6.12.107+deb13-arm64": ("arm64", 0x24F0000),
    "vmlinuz-6.12.107+deb13-arm64-16k": ("arm64", 0x25A0000),
    "vmlinuz-7.2.13+deb14-arm64": ("arm64", 0x2F00000),
    "vmlinuz-6.1.0-50-armmp": ("arm", 0x13FF588),
    "vmlinuz-7.2.13+deb14-armmp": ("arm", 0x18A4E84),
    "vmlinuz-7.2.13+deb14-riscv64": ("riscv64", 0x23A0000),
    "vmlinuz-7.2.13+deb14-powerpc64le": ("powerpc64", 0x2AEC7D8),
}
"""Sizes from kernel-semantics 1.0 and the recorded boots; arm: end of what was reserved, less the load address."""


@pytest.mark.slow
@pytest.mark.skipif(not KERNELS, reason="CARVEOUT_KERNELS does not name a folder of Debian's kernel files")
def test_debians_kernels_have_the_sizes_that_were_measured() -> None:
    found = {path.name: path for path in Path(KERNELS).glob("vmlinu*") if path.name in REAL}
    assert found, f"none of {', '.join(REAL)} is in {KERNELS}"
    for name, path in found.items():
        info = read_image(path.read_bytes())
        assert (name, info.arch, info.image_size) == (name, *REAL[name])

# SPDX-License-Identifier: Apache-2.0
"""A kernel image file, read as far as a map of memory needs: how much memory the kernel takes, and for what.

Known forms: arm64 and riscv `Image`, arm `zImage`, powerpc `vmlinux` (ELF); any of them inside gzip, zstd, xz,
lzma or bzip2, and `Image` inside EFI zboot. Of a compressed file only the first few KiB are ever unpacked, so a
small file cannot ask for much memory (kernel/unpack.py).

Source: Documentation/arch/arm64/booting.rst, Documentation/arch/riscv/boot-image-header.rst; the zImage and
EFI zboot headers as Debian's kernel files have them.
"""

from __future__ import annotations

from dataclasses import replace

from carveout.errors import KernelImageError
from carveout.values import dataclass

KIB = 1 << 10

_HEADER = 64
_MOST_WRAPPERS = 4
_UNPACKED_BYTES = 64 * KIB
"""How much of a payload is unpacked: the header, and the program headers of an ELF file."""

_PAGE_SIZES = {0: None, 1: 4 * KIB, 2: 16 * KIB, 3: 64 * KIB}

_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\x00\x00", "lzma"),
    (b"BZh", "bzip2"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89LZO", "lzo"),
)
_OTHER_FORMS = (
    (b"\x27\x05\x19\x56", "a U-Boot legacy image (uImage): give the file it was made from"),
    (b"\xd0\x0d\xfe\xed", "a FIT image or device tree: give the kernel file inside"),
    (b"hsqs", "a squashfs"),
    (b"ANDROID!", "an Android boot image: give the kernel file inside"),
)

_ARM64_MAGIC = b"ARM\x64"
_RISCV_MAGIC = b"RSC\x05"
_ZIMAGE_MAGIC = 0x016F2818
_ZIMAGE_ENDIAN = 0x04030201
_ZIMAGE_TABLE = 0x45454545
_ZIMAGE_KERNEL_SIZE = 0x5A534C4B
_EM_PPC64 = 21
_PT_LOAD = 1
_MOST_PROGRAM_HEADERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What the file of a kernel says about itself. None: the file does not say."""

    arch: str
    """`arm64`, `arm`, `riscv64` or `powerpc64`."""
    form: str
    """`Image`, `zImage` or `ELF`."""
    image_size: int | None
    """Bytes the kernel takes in memory: `_end - _text`."""
    text_offset: int | None = None
    """Bytes from the base the image wants (2 MiB aligned; arm: the start of RAM) to where it is put."""
    page_size: int | None = None
    big_endian: bool = False
    wrappers: tuple[str, ...] = ()
    """What it was packed in, outermost first: `EFI zboot`, `gzip`."""
    file_size: int | None = None
    """zImage: bytes of the compressed image, as its header gives them."""
    why: str = ""
    """Why image_size is None."""

    @property
    def is_compressed(self) -> bool:
        """Say whether the kernel is not stored as it will lie in memory."""
        return bool(self.wrappers) or self.form == "zImage"


def read_image(data: bytes) -> ImageInfo:
    """Return what the header of a kernel file says. data: the whole file.

    Raises: KernelImageError for a file that is no kernel or is cut off, ToolMissing for a compression that
    this Python cannot unpack.
    """
    wrappers: list[str] = []
    while True:
        info = _read_header(data)
        if info is not None:
            return replace(info, wrappers=tuple(wrappers))
        if len(wrappers) >= _MOST_WRAPPERS:
            raise KernelImageError(f"is packed more than {_MOST_WRAPPERS} times: {', '.join(wrappers)}")
        name, data = _unwrap(data)
        wrappers += name


def is_plain_image(start: bytes) -> bool:
    """Say whether the first 64 bytes are all of the file that is needed: an Image as it lies in memory."""
    return start[56:60] in (_ARM64_MAGIC, _RISCV_MAGIC)


def _read_header(data: bytes) -> ImageInfo | None:
    if len(data) < _HEADER:
        return None
    if data[56:60] == _ARM64_MAGIC:
        return _arm64(data)
    if data[56:60] == _RISCV_MAGIC:
        return _riscv(data)
    for order in ("little", "big"):
        if _word(data, 0x24, order) == _ZIMAGE_MAGIC:
            return _zimage(data)
    if data[:4] == b"\x7fELF":
        return _elf(data)
    return None


def _unwrap(data: bytes) -> tuple[list[str], bytes]:
    # One layer: its names, and the beginning of what is inside.
    from carveout.kernel.unpack import unpack_start

    if len(data) >= _HEADER and data[:2] == b"MZ" and data[4:8] == b"zimg":
        offset, size = _word(data, 8), _word(data, 12)
        if offset < _HEADER or size == 0 or offset + size > len(data):
            raise KernelImageError(
                f"is an EFI zboot image whose payload, 0x{size:x} bytes at 0x{offset:x}, "
                f"lies outside the file of 0x{len(data):x} bytes"
            )
        payload = memoryview(data)[offset : offset + size]
        inner = _method_of(payload) or data[24:56].split(b"\0", 1)[0].decode("ascii", "replace")
        return ["EFI zboot", inner], unpack_start(inner, payload, limit=_UNPACKED_BYTES)
    method = _method_of(memoryview(data))
    if method is None and len(data) < _HEADER:
        raise KernelImageError(f"has {len(data)} bytes, which is too short for a kernel")
    if method is None:
        raise KernelImageError(_what_it_is(data))
    return [method], unpack_start(method, memoryview(data), limit=_UNPACKED_BYTES)


def _method_of(data: memoryview) -> str | None:
    start = bytes(data[:8])
    return next((name for magic, name in _MAGICS if start.startswith(magic)), None)


def _what_it_is(data: bytes) -> str:
    for magic, words in _OTHER_FORMS:
        if data.startswith(magic):
            return f"is {words}"
    if data[:2] == b"MZ":
        return "is an EFI program, but neither an arm64 or riscv Image nor EFI zboot"
    return (
        f"is no kernel image: begins with {data[:4].hex(' ')}; expected Image, zImage, EFI zboot or vmlinux"
    )


def _arm64(data: bytes) -> ImageInfo:
    size, flags = _quad(data, 16), _quad(data, 24)
    old = "the header gives no image_size (older than Linux 3.17)"
    return ImageInfo(
        arch="arm64",
        form="Image",
        image_size=size or None,
        # Without image_size the byte order of text_offset is not known either, and 0x80000 is what it was.
        text_offset=_quad(data, 8) if size else None,
        page_size=_PAGE_SIZES[flags >> 1 & 3] if size else None,
        big_endian=bool(flags & 1) if size else False,
        why="" if size else old,
    )


def _riscv(data: bytes) -> ImageInfo:
    size = _quad(data, 16)
    return ImageInfo(
        arch="riscv64",
        form="Image",
        image_size=size or None,
        text_offset=_quad(data, 8),
        page_size=4 * KIB,
        big_endian=bool(_quad(data, 24) & 1),
        why="" if size else "the header gives no image_size",
    )


def _zimage(data: bytes) -> ImageInfo:
    # BE8 kernels begin with little-endian code; the word at 0x30 is in the byte order of the data.
    order = "little" if _word(data, 0x30) == _ZIMAGE_ENDIAN else "big"
    file_size = (_word(data, 0x2C, order) - _word(data, 0x28, order)) & 0xFFFF_FFFF
    size, text_offset, why = _zimage_kernel(data, order)
    return ImageInfo(
        arch="arm",
        form="zImage",
        image_size=size,
        text_offset=text_offset,
        page_size=4 * KIB,
        big_endian=order == "big",
        file_size=file_size,
        why=why,
    )


def _zimage_kernel(data: bytes, order: str) -> tuple[int | None, int | None, str]:
    # The table behind the header (Linux 4.15 and newer): where the size of the unpacked kernel stands, which is
    # data up to .bss, then the size of .bss and the offset from the start of RAM.
    at = _word(data, 0x38, order)
    if _word(data, 0x34, order) != _ZIMAGE_TABLE or at + 24 > len(data):
        return None, None, "the zImage has no table that gives the size of the unpacked kernel"
    if _word(data, at + 4, order) != _ZIMAGE_KERNEL_SIZE or _word(data, at, order) < 5:
        return None, None, "the table of the zImage does not give the size of the unpacked kernel"
    size_at, bss, text_offset = (_word(data, at + step, order) for step in (8, 12, 16))
    if size_at + 4 > len(data):
        return None, None, "the zImage is cut off before the size of the unpacked kernel"
    # The size behind a packed kernel is little-endian, whatever the kernel is.
    return _word(data, size_at) + bss, text_offset, ""


def _elf(data: bytes) -> ImageInfo:
    if data[4] != 2:
        raise KernelImageError("is a 32-bit ELF file; expected Image, zImage, EFI zboot or a 64-bit vmlinux")
    order = "big" if data[5] == 2 else "little"
    machine = _short(data, 18, order)
    if machine != _EM_PPC64:
        raise KernelImageError(
            f"is an ELF file of machine {machine}: only powerpc64 boots vmlinux itself, give the Image instead"
        )
    table, entry, count = _quad(data, 32, order), _short(data, 54, order), _short(data, 56, order)
    if entry < 56 or not 0 < count <= _MOST_PROGRAM_HEADERS or table + entry * count > len(data):
        raise KernelImageError("is an ELF file without readable program headers")
    starts, ends = [], []
    for at in range(table, table + entry * count, entry):
        if _word(data, at, order) == _PT_LOAD:
            starts.append(_quad(data, at + 24, order))
            ends.append(_quad(data, at + 24, order) + _quad(data, at + 40, order))
    if not starts:
        raise KernelImageError("is an ELF file that loads nothing")
    return ImageInfo(
        arch="powerpc64", form="ELF", image_size=max(ends) - min(starts), big_endian=order == "big"
    )


def _short(data: bytes, at: int, order: str = "little") -> int:
    return int.from_bytes(data[at : at + 2], "big" if order == "big" else "little")


def _word(data: bytes, at: int, order: str = "little") -> int:
    return int.from_bytes(data[at : at + 4], "big" if order == "big" else "little")


def _quad(data: bytes, at: int, order: str = "little") -> int:
    return int.from_bytes(data[at : at + 8], "big" if order == "big" else "little")

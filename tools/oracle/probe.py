# SPDX-License-Identifier: Apache-2.0
"""An initramfs whose init shows /proc/iomem of the running kernel, between two marks, and does nothing else.

The init is a program of some forty arm64 instructions, made here: no compiler and no package is needed for it.
"""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

from .initrd import newc

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = "@@PROBE /proc/iomem"
END = "@@PROBE end"
FILE = "/proc/iomem"

_BASE = 0x40_0000
_HEADERS = 64 + 56
_SEGMENT_ALIGN = 0x1_0000
"""Good for pages of every size."""
_AARCH64 = 183
_DIRECTORY, _PROGRAM, _DEVICE = 0o40755, 0o100755, 0o20600
_CONSOLE = (5, 1)
_STRINGS = {
    "proc": b"proc\0",
    "at": b"/proc\0",
    "file": FILE.encode() + b"\0",
    "begin": f"{BEGIN}\n".encode(),
    "end": f"{END}\n".encode(),
}

# System calls of arm64. Source: include/uapi/asm-generic/unistd.h.
_MOUNT, _OPENAT, _READ, _WRITE = 40, 56, 63, 64
_SYSCALL = 0xD400_0001
_AT_FDCWD_INVERTED = 99
_BUFFER_BELOW_STACK = 0xD140_07E1
"""sub x1, sp, #4096"""
_PAGE = 4096


def probe_archive() -> bytes:
    """Return the initramfs, the same every time."""
    files = [("dev", _DIRECTORY, b""), ("proc", _DIRECTORY, b""), ("init", _PROGRAM, init_program())]
    return gzip.compress(
        newc([*files, ("dev/console", _DEVICE, b"")], devices={"dev/console": _CONSOLE}), mtime=0
    )


def probe_file(cache: Path) -> Path:
    """Return the path of the initramfs."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "probe.gz"
    path.write_bytes(probe_archive())
    return path


def split_probe(text: str) -> tuple[str, list[str] | None]:
    """Return the log before the probe, and the lines of /proc/iomem; None: the boot did not get there."""
    before, mark, rest = text.replace("\r", "").partition(f"{BEGIN}\n")
    shown, end, _ = rest.partition(END)
    if not mark or not end:
        return before, None
    return before, [line for line in shown.splitlines() if line and not line.startswith("[")]


def init_program() -> bytes:
    """Return the program: mount /proc, write the mark, copy the file to the console, write the other mark, wait."""
    code: list[int | tuple[str, int, str]] = [
        *_call(_MOUNT, ("adr", 0, "proc"), ("adr", 1, "at"), ("adr", 2, "proc"), _move(3, 0), _move(4, 0)),
        *_say("begin"),
        *_call(_OPENAT, _move_inverted(0, _AT_FDCWD_INVERTED), ("adr", 1, "file"), _move(2, 0), _move(3, 0)),
        _copy(19, 0),
    ]
    loop = len(code)
    code += _call(_READ, _copy(0, 19), _BUFFER_BELOW_STACK, _move(2, _PAGE))
    code.append(0xF100_001F)  # cmp x0, #0
    ends = len(code)
    code.append(0)
    code += _call(_WRITE, _copy(2, 0), _BUFFER_BELOW_STACK, _move(0, 1))
    code.append(0x1400_0000 | (loop - len(code)) & 0x3FF_FFFF)  # b loop
    code[ends] = 0x5400_000D | (len(code) - ends) << 5  # b.le, past the loop
    code += _say("end")
    code.append(0x1400_0000)  # b . : an init must not end
    return _elf(code)


def _elf(code: list[int | tuple[str, int, str]]) -> bytes:
    # One segment that is read and executed, with the strings behind the instructions.
    at, places = _HEADERS + 4 * len(code), {}
    for name, text in _STRINGS.items():
        places[name] = at
        at += len(text)
    words = [
        word if isinstance(word, int) else _address(word[1], places[word[2]] - (_HEADERS + 4 * number))
        for number, word in enumerate(code)
    ]
    entry = _BASE + _HEADERS
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, _AARCH64, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, at, at, _SEGMENT_ALIGN)
    return header + segment + struct.pack(f"<{len(words)}I", *words) + b"".join(_STRINGS.values())


def _call(number: int, *arguments: int | tuple[str, int, str]) -> list[int | tuple[str, int, str]]:
    return [*arguments, _move(8, number), _SYSCALL]


def _say(name: str) -> list[int | tuple[str, int, str]]:
    return _call(_WRITE, _move(0, 1), ("adr", 1, name), _move(2, len(_STRINGS[name])))


def _move(register: int, value: int) -> int:
    return 0xD280_0000 | value << 5 | register  # movz


def _move_inverted(register: int, value: int) -> int:
    return 0x9280_0000 | value << 5 | register  # movn


def _copy(register: int, source: int) -> int:
    return 0xAA00_03E0 | source << 16 | register  # mov


def _address(register: int, distance: int) -> int:
    return 0x1000_0000 | (distance & 3) << 29 | (distance >> 2 & 0x7_FFFF) << 5 | register  # adr

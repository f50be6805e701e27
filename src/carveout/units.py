# SPDX-License-Identifier: Apache-2.0
"""Sizes and addresses as people write them: text to bytes, bytes to text."""

from __future__ import annotations

from carveout.errors import SceneError
from carveout.span import Span

_SHIFT = {"K": 10, "M": 20, "G": 30, "T": 40}
_UNITS = ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB"))

# Physical addresses are at most 64 bits wide in every architecture Linux has.
_ADDRESS_END = 1 << 64

# Long enough for every number that can be right; keeps int() from chewing on a megabyte of digits.
_MAX_NUMBER_TEXT = 64

_SIZE_HELP = (
    "expected a number of bytes, decimal or 0x, with K, M, G or T if wanted, for example 64M or 0x4000000"
)
_ADDRESS_HELP = "expected an address, hexadecimal with 0x or decimal, for example 0x40000000"
_MEMORY_HELP = "expected SIZE@BASE, for example 1G@0x40000000"
_PLACED_HELP = "expected BASE+SIZE, for example 0x40200000+0x24f0000"


def parse_size(text: str) -> int:
    """Return the bytes that `64M`, `0x4000000`, `1.5G` or `64 MiB` stand for.

    Raises SceneError when the text is no size, or no whole number of bytes.
    """
    value = _read_size(text)
    if value is None:
        raise SceneError(f"cannot read size '{_quoted(text)}': {_SIZE_HELP}")
    if value > _ADDRESS_END:
        raise SceneError(f"size '{_quoted(text)}' is more than 64 bits can address")
    return value


def parse_address(text: str) -> int:
    """Return the address that `0x40000000` or `1G` stands for.

    Raises SceneError when the text is no address, or needs more than 64 bits.
    """
    value = _read_size(text)
    if value is None:
        raise SceneError(f"cannot read address '{_quoted(text)}': {_ADDRESS_HELP}")
    if value >= _ADDRESS_END:
        raise SceneError(f"address '{_quoted(text)}' needs more than 64 bits")
    return value


def parse_memory(text: str) -> Span:
    """Return the RAM that `1G@0x40000000` (SIZE@BASE) describes.

    Raises SceneError when it cannot be read, is empty, or ends above 64 bits.
    """
    size, at, base = text.partition("@")
    if not at:
        raise SceneError(f"cannot read memory '{_quoted(text)}': {_MEMORY_HELP}")
    return _span(text, base, size, _MEMORY_HELP)


def parse_placed(text: str) -> Span:
    """Return the span that `0x40200000+0x24f0000` (BASE+SIZE) describes.

    Raises SceneError when it cannot be read, is empty, or ends above 64 bits.
    """
    base, plus, size = text.partition("+")
    if not plus:
        raise SceneError(f"cannot read range '{_quoted(text)}': {_PLACED_HELP}")
    return _span(text, base, size, _PLACED_HELP)


def format_size(size: int) -> str:
    """Return a size exactly, in the largest unit that needs no more than two decimals: `1.5 MiB`, `4 KiB`."""
    for shift, unit in _UNITS:
        if size < 1 << shift:
            continue
        hundredths, rest = divmod(size * 100, 1 << shift)
        if rest == 0:
            return f"{_decimal(hundredths)} {unit}"
    return f"{size} byte" if size == 1 else f"{size} bytes"


def format_size_about(size: int) -> str:
    """Return a size that a person can grasp: exact where that is short, else rounded and marked with `~`."""
    exact = format_size(size)
    for shift, unit in _UNITS:
        if size < 1 << shift:
            continue
        if exact.endswith(unit):
            return exact
        tenths = (size * 10 + (1 << shift >> 1)) >> shift
        return f"~{tenths // 10}.{tenths % 10} {unit}"
    return exact


def address_digits(highest: int) -> int:
    """Return how many hexadecimal digits a table needs whose highest address is `highest`; at least 8."""
    return max(8, (highest.bit_length() + 3) // 4)


def format_address(address: int, digits: int = 8) -> str:
    """Return an address as the kernel prints it: 0x and at least `digits` lower-case digits."""
    return f"0x{address:0{digits}x}"


def format_range(span: Span, digits: int = 8) -> str:
    """Return first and last address of a span that is not empty, as the kernel's log has them: `0x..0x`."""
    return f"{format_address(span.start, digits)}..{format_address(max(span.start, span.end - 1), digits)}"


def _span(text: str, base_text: str, size_text: str, expected: str) -> Span:
    base, size = _read_size(base_text), _read_size(size_text)
    if base is None or size is None:
        raise SceneError(f"cannot read '{_quoted(text)}': {expected}")
    if size == 0:
        raise SceneError(f"'{_quoted(text)}' has size 0: {expected}")
    if base + size > _ADDRESS_END:
        raise SceneError(f"'{_quoted(text)}' ends above the highest 64-bit address: {expected}")
    return Span.sized(base, size)


def _read_size(text: str) -> int | None:
    number = text.strip()
    if not number or len(number) > _MAX_NUMBER_TEXT or not number.isascii() or "_" in number:
        return None
    if number[-2:] == "iB":
        number = number[:-2]
        if number[-1:] not in _SHIFT:
            return None
    shift = _SHIFT.get(number[-1:].upper(), 0)
    if shift:
        number = number[:-1].rstrip()
    if number[:1] in ("+", "-"):
        return None
    try:
        if number[:2] in ("0x", "0X"):
            return int(number, 16) << shift
        if "." in number and shift:
            return _read_fraction(number, shift)
        return int(number, 10) << shift
    except ValueError:
        return None


def _read_fraction(number: str, shift: int) -> int | None:
    whole, _, decimals = number.partition(".")
    if not (whole.isdigit() and decimals.isdigit()):
        return None
    value, rest = divmod(int(whole + decimals) << shift, 10 ** len(decimals))
    return value if rest == 0 else None


def _decimal(hundredths: int) -> str:
    whole, part = divmod(hundredths, 100)
    return f"{whole}.{part:02}".rstrip("0").rstrip(".") if part else str(whole)


def _quoted(text: str) -> str:
    shown = text if len(text) <= _MAX_NUMBER_TEXT else text[: _MAX_NUMBER_TEXT - 3] + "..."
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)

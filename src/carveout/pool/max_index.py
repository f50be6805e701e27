# SPDX-License-Identifier: Apache-2.0
"""Where is the first block that can hold N? An index of upper bounds that answers in a few searches of bytes.

Theory of operation. A pool is cut into leaves of 64 bits. For each leaf the index keeps the most that any free extent
which starts there can hold at one alignment; 64 leaves have a parent with the largest of theirs, and so on up. A
value is two bytes: the first from 0x80 on, the second below, so that a pattern cannot match across two values, and
"the first value of at least N" is one search of a compiled pattern, done in C.

Values only grow when extents come; when extents go nothing is done. So a value is an upper bound, and whoever finds
that it promised too much lowers it: each extent that goes can cause one such surprise at each level, which keeps the
cost of a request proportional to the number of levels, log64 of the pool's size.
"""

from __future__ import annotations

import re
from functools import lru_cache

LEAF_SHIFT = 6
"""log2 of the bits in a leaf."""
FAN_SHIFT = 6
"""log2 of the children of a node."""
_FAN = 1 << FAN_SHIFT

_EXACT = 1 << 13
"""Values below it have a code of their own; above, a code stands for values within 0.2 % of each other."""
_FRACTION_BITS = 9
_LARGEST_CODE = (1 << 14) - 1
_NOTHING = b"\x80\x00"


def _code(value: int) -> int:
    # Grows with the value, never faster; two values that share a code are told apart by a look at the extents.
    if value < _EXACT:
        return value
    octave = value.bit_length() - 1
    fraction = (value >> (octave - _FRACTION_BITS)) & ((1 << _FRACTION_BITS) - 1)
    return min(_EXACT + ((octave - 13) << _FRACTION_BITS) + fraction, _LARGEST_CODE)


_PAIRS = [bytes((0x80 + (code >> 7), code & 0x7F)) for code in range(_EXACT)]


def _pair(value: int) -> bytes:
    if value < _EXACT:
        return _PAIRS[value]
    code = _code(value)
    return bytes((0x80 + (code >> 7), code & 0x7F))


@lru_cache(maxsize=4096)
def _at_least(pair: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a value that is not below `pair`."""
    high, low = pair
    same = b"\\x%02x[\\x%02x-\\x7f]" % (high, low)
    if high == 0xFF:
        return re.compile(same)
    # Begins with one set of bytes, which the search looks for without trying alternatives.
    above = b"(?<=[\\x%02x-\\xff])" % (high + 1)
    return re.compile(b"[\\x%02x-\\xff](?:%s|[\\x%02x-\\x7f])" % (high, above, low))


class MaxIndex:
    """Upper bounds over the leaves of one pool, at one alignment."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: int) -> None:
        """Make an index of so many leaves, each of which holds nothing."""
        self._levels: list[bytearray] = []
        while True:
            self._levels.append(bytearray(_NOTHING * leaves))
            if leaves <= _FAN:
                break
            leaves = (leaves + _FAN - 1) >> FAN_SHIFT

    def grow(self, leaf: int, value: int) -> None:
        """Note that an extent in this leaf can hold `value`."""
        pair = _PAIRS[value] if value < _EXACT else _pair(value)
        for level in self._levels:
            at = leaf << 1
            if level[at : at + 2] >= pair:
                return
            level[at : at + 2] = pair
            leaf >>= FAN_SHIFT

    def lower(self, leaf: int, value: int) -> None:
        """Set a leaf to what its extents really hold: `value` at the most. Its parents follow when they are asked."""
        at = leaf << 1
        self._levels[0][at : at + 2] = _pair(value)

    def first(self, need: int, leaf: int = 0) -> int | None:
        """Return the first leaf from `leaf` on that may hold `need`; None when there is none."""
        search = _at_least(_pair(need)).search
        levels = self._levels
        top = len(levels) - 1
        depth = 0 if leaf else top
        at = leaf
        while True:
            level = levels[depth]
            # Up: the rest of this node's siblings; the top has no parent to leave them to.
            end = len(level) if depth == top else ((at >> FAN_SHIFT) + 1) << (FAN_SHIFT + 1)
            hit = search(level, at << 1, end)
            if hit is None:
                if depth == top:
                    return None
                at = (at >> FAN_SHIFT) + 1
                depth += 1
                if at << 1 >= len(levels[depth]):
                    return None
                continue
            at = hit.start() >> 1
            if depth == 0:
                return at
            at = self._descend(search, depth, at)
            if at >= 0:
                return at
            # What was promised there is not: the bounds on the way are right now, so look again from the start.
            depth, at = (0, leaf) if leaf else (top, 0)

    def _descend(self, search: object, depth: int, at: int) -> int:
        levels = self._levels
        while depth:
            below = levels[depth - 1]
            start = at << (FAN_SHIFT + 1)
            hit = search(below, start, start + 2 * _FAN)  # type: ignore[operator]
            if hit is None:
                block = below[start : start + 2 * _FAN]
                levels[depth][2 * at : 2 * at + 2] = bytes(max(zip(block[::2], block[1::2], strict=True)))
                return -1
            at = hit.start() >> 1
            depth -= 1
        return at

# SPDX-License-Identifier: Apache-2.0
"""One pass over the structure block, giving flat lists that say where nodes and properties begin.

Theory of operation. A tree of 100 KB holds some 900 nodes and 4,500 properties, and most questions look at
a few dozen of them. So the pass makes no objects: it appends word numbers to lists, and Node and Property
are made from those when somebody asks. Two facts about the format keep the lists few:

- the properties of a node come before its subnodes, so those of node k are the properties numbered
  first_property[k] up to first_property[k + 1];
- nodes are numbered in block order, so the subtree of node k is the nodes k up to after[k].

Bounds are checked by the language: a read past the last word raises IndexError, which is turned into one
error that tells what was being read. Nothing here recurses.
"""

from __future__ import annotations

import sys
from array import array
from operator import itemgetter

from carveout.errors import DtbFormatError
from carveout.fdt.layout import FDT_BEGIN_NODE, FDT_END, FDT_END_NODE, FDT_NOP, FDT_PROP
from carveout.values import NamedTuple

MAX_DEPTH = 128
"""Deepest nesting that is read; the root is at depth 0.

Linux refuses to unflatten past 64 levels and no known tree has more than 10. Together with MAX_NAME the limit
bounds the length of a path, and so the cost of walking a hostile blob that only nests.
"""

MAX_NAME = 255
"""Longest name of a node or property that is read, in bytes without the NUL.

The specification allows 31 and real labels in /__symbols__ reach some 60; Linux could not show longer ones in
/proc/device-tree (NAME_MAX). Without a limit, properties that name every offset of one long string would
make a small blob cost gigabytes.
"""


_WORD = next(code for code in "IL" if array(code).itemsize == 4)


class Structure(NamedTuple):
    """What one pass over the structure block found. Positions are word numbers in the block."""

    start: int
    """Blob offset of the block."""
    end: int
    """Blob offset of the end of the block: after size_dt_struct, or after FDT_END in version 16."""
    words: array[int]
    """The block as big-endian words, without a last odd 1 to 3 bytes."""
    node_at: list[int]
    """Word of each FDT_BEGIN_NODE."""
    parent: list[int]
    """Number of each node's parent; -1 for the root."""
    after: list[int]
    """Number of the first node after each node's subtree."""
    first_property: list[int]
    """Number of each node's first property, with the total number of properties at the end."""
    property_at: list[int]
    """Word of each FDT_PROP."""
    name_offsets: array[int]
    """Each property's offset into the strings block."""
    last_name: int
    """The highest of these offsets."""


def scan(blob: bytes, start: int, end: int, *, end_is_exact: bool) -> Structure:
    """Return the index of the structure block blob[start:end].

    end_is_exact: end comes from size_dt_struct; else (version 16) it is only the limit.

    Raises:
        DtbFormatError: with the blob offset of the token at fault.
    """
    found = Structure(start, end, _words(blob, start, end), [], [], [], [], [], array(_WORD), 0)
    last = _scan_nodes(blob, found)
    offsets = _name_offsets(found)
    found.name_offsets.extend(offsets)
    found = found._replace(last_name=max(offsets, default=0))
    if not end_is_exact:
        return found._replace(end=start + 4 * last + 4, words=found.words[: last + 1])
    _check_padding(blob, start + 4 * last + 4, end)
    return found


def _words(blob: bytes, start: int, end: int) -> array[int]:
    # An array makes a number of a word when it is looked at, and most never are.
    words = array(_WORD, blob[start : end - (end - start) % 4])
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _scan_nodes(blob: bytes, found: Structure) -> int:
    """Fill the lists and return the word of the FDT_END.

    Longer than other functions and with its own names for the tokens, since calls and look-ups per token would
    double the time of the pass.
    """
    start, _, words, node_at, parent, after, first_property, property_at, *_ = found
    begin_node, end_node, a_property, nop = FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP, FDT_NOP
    add_property, find_nul, name_limit = property_at.append, blob.index, MAX_NAME + 1
    at = depth = count = 0
    current = -1
    try:
        while (tag := words[at]) == nop:
            at += 1
        if tag != begin_node:
            raise _unexpected(found, at, tag, current)
        while True:
            if tag == begin_node:
                if depth > MAX_DEPTH:
                    raise _fault(start, at, f"nodes nest deeper than {MAX_DEPTH} levels")
                depth += 1
                parent.append(current)
                current = count
                count += 1
                node_at.append(at)
                after.append(0)
                first_property.append(len(property_at))
                # The name is closed by a NUL and padded to the next word.
                at = start + 4 * at + 4
                at = ((find_nul(b"\0", at, at + name_limit) - start) >> 2) + 1
                while True:
                    while (tag := words[at]) == a_property:
                        add_property(at)
                        at += (words[at + 1] + 15) >> 2
                    if tag != nop:
                        break
                    at += 1
            elif tag == end_node:
                after[current] = count
                current = parent[current]
                at += 1
                if current < 0:
                    break
                depth -= 1
                tag = words[at]
            elif tag == nop:
                at += 1
                tag = words[at]
            else:
                raise _unexpected(found, at, tag, current)
        while (tag := words[at]) == nop:
            at += 1
        if tag != FDT_END:
            raise _unexpected(found, at, tag, current)
    except IndexError:
        raise _cut_off(found, at) from None
    except ValueError:
        raise _fault(
            start, node_at[-1], f"the name of this node has no closing NUL within {MAX_NAME} bytes"
        ) from None
    first_property.append(len(property_at))
    return at


def _name_offsets(found: Structure) -> tuple[int, ...]:
    # One call for all of them costs less than an expression for each.
    words, property_at = found.words, found.property_at
    if len(property_at) < 2:
        return tuple([words[at + 2] for at in property_at])
    offsets: tuple[int, ...] = itemgetter(*property_at)(words[2:])
    return offsets


def _fault(start: int, word: int, message: str) -> DtbFormatError:
    return DtbFormatError(message, offset=start + 4 * word)


def _unexpected(found: Structure, at: int, tag: int, current: int) -> DtbFormatError:
    """Say what is wrong with a token that may not stand here. current: the node that is open, or -1."""
    if tag == FDT_BEGIN_NODE:
        message = "a second root node begins"
    elif tag == FDT_END_NODE:
        message = "FDT_END_NODE without an open node"
    elif tag == FDT_PROP:
        message = "a property outside any node" if current < 0 else "a property after a subnode"
    elif tag == FDT_END:
        message = "FDT_END while a node is still open" if found.node_at else "FDT_END before a root node"
    else:
        message = f"unknown token 0x{tag:08x}"
    return _fault(found.start, at, message)


def _cut_off(found: Structure, at: int) -> DtbFormatError:
    """Say what was being read when the words ran out. at: the word that was to be read next."""
    total = len(found.words)
    node = found.node_at[-1] if found.node_at else -1
    last = found.property_at[-1] if found.property_at else -1
    if at < total or last == at:
        return _fault(found.start, at, "a property ends past the structure block")
    if at > total and last > node:
        length = found.words[last + 1]
        return _fault(found.start, last, f"a property value of {length} bytes ends past the structure block")
    if at > total:
        return _fault(found.start, node, "the name of this node ends past the structure block")
    return _fault(found.start, total, "the structure block ends without FDT_END")


def _check_padding(blob: bytes, start: int, end: int) -> None:
    """Accept after FDT_END only zeros and FDT_NOP, with which a block may have been padded."""
    if start == end:
        return
    rest = blob[start:end]
    if rest.count(0) == len(rest):
        return
    padding = (b"\0\0\0\0", FDT_NOP.to_bytes(4, "big"))
    for offset in range(0, len(rest), 4):
        word = rest[offset : offset + 4]
        if word.ljust(4, b"\0") not in padding:
            raise DtbFormatError("data after FDT_END inside the structure block", offset=start + offset)


def check_names(found: Structure, strings: bytes) -> None:
    """Check that every property's name lies in the strings block, is closed by a NUL there and is not too long.

    Raises:
        DtbFormatError: with the blob offset of the first property at fault.
    """
    if not found.name_offsets:
        return
    # Any offset up to the last NUL of the block begins a string that a NUL closes.
    last_nul = strings.rfind(b"\0")
    if found.last_name <= last_nul:
        _check_name_lengths(found, strings)
        return
    at, offset = next(
        pair for pair in zip(found.property_at, found.name_offsets, strict=True) if pair[1] > last_nul
    )
    size = len(strings)
    what = f"lies outside the strings block of {size} bytes" if offset >= size else "has no closing NUL"
    raise _fault(found.start, at, f"the property name at string offset 0x{offset:x} {what}")


def _check_name_lengths(found: Structure, strings: bytes) -> None:
    half = MAX_NAME // 2
    if all(strings.find(b"\0", at, at + half) >= 0 for at in range(0, len(strings), half)):
        return  # no two NULs are further apart than two halves
    for at, offset in zip(found.property_at, found.name_offsets, strict=True):
        if strings.find(b"\0", offset, offset + MAX_NAME + 1) < 0:
            raise _fault(found.start, at, f"the property name is longer than {MAX_NAME} bytes")

# SPDX-License-Identifier: Apache-2.0
"""Every fault of the format is one DtbFormatError with its place."""

from __future__ import annotations

import pytest

from carveout.errors import DtbFormatError, InputError
from carveout.fdt import parse
from carveout.fdt.structure import MAX_DEPTH, MAX_NAME
from support.blobs import (
    BEGIN,
    CLOSED_MAP,
    END,
    END_NODE,
    NOP,
    PROP,
    begin,
    blob,
    close,
    end,
    prop,
    small_tree,
    words,
)

STRUCT = 56  # Offset of the structure block when the reserve map is empty.


def nested(levels: int) -> bytes:
    return begin() + begin(b"n") * levels + close() * (levels + 1) + end()


FAULTS = [
    # The header.
    pytest.param(b"", 0, "0 bytes are too few", id="empty"),
    pytest.param(b"\xd0\x0d\xfe", 0, "3 bytes are too few", id="three bytes"),
    pytest.param(b"\x7fELF" + bytes(60), 0, "magic is 0x7f454c46", id="magic"),
    pytest.param(blob()[:20], 20, "header is cut off", id="header cut off"),
    pytest.param(blob(totalsize=4000), 4, "totalsize is 4000 but only", id="totalsize beyond data"),
    pytest.param(blob()[:-1], 4, "bytes are there", id="last byte missing"),
    pytest.param(blob(totalsize=39), 4, "less than the header's 40", id="totalsize below header"),
    pytest.param(blob(version=15, last_comp_version=15), 20, "version 15 is older", id="version 15"),
    pytest.param(blob(version=18, last_comp_version=18), 24, "needs a reader newer", id="version 18 only"),
    pytest.param(blob(version=16, last_comp_version=17), 24, "above version 16", id="compatible above version"),
    # Places of the blocks.
    pytest.param(blob(off_dt_struct=58), 8, "not a multiple of 4", id="structure unaligned"),
    pytest.param(blob(off_mem_rsvmap=44), 16, "not a multiple of 8", id="reserve map unaligned"),
    pytest.param(blob(off_dt_struct=36), 8, "overlaps the header", id="structure in header"),
    pytest.param(blob(off_dt_strings=0), 12, "overlaps the header", id="strings in header"),
    pytest.param(blob(off_mem_rsvmap=0), 16, "overlaps the header", id="reserve map in header"),
    pytest.param(blob(size_dt_struct=0xFFFFFFF0), 8, "ends past totalsize", id="structure too long"),
    pytest.param(blob(off_dt_strings=0xFFFFFFFF), 12, "ends past totalsize", id="strings far away"),
    pytest.param(blob(off_mem_rsvmap=0xFFFFFFF8), 16, "ends past totalsize", id="reserve map far away"),
    pytest.param(
        blob(off_dt_strings=STRUCT + 4, size_dt_strings=8), STRUCT + 4, "begins inside", id="strings in structure"
    ),
    pytest.param(
        blob(reserve=words(0, 1, 0, 1) + CLOSED_MAP, off_dt_struct=STRUCT, size_dt_struct=16 + 16),
        STRUCT,
        "unknown token 0x00000000",
        id="structure in reserve map",
    ),
    # The reserve map.
    pytest.param(
        blob(reserve=b"", strings=b"\1" * 25), 40, "no closing entry", id="reserve map runs off the blob"
    ),
    # The token stream.
    pytest.param(blob(b""), STRUCT, "without FDT_END", id="structure empty"),
    pytest.param(blob(end()), STRUCT, "FDT_END before a root", id="no root"),
    pytest.param(blob(close() + end()), STRUCT, "without an open node", id="closing before root"),
    pytest.param(blob(words(5)), STRUCT, "unknown token 0x00000005", id="unknown token at first"),
    pytest.param(
        blob(begin() + words(0x10) + close() + end()), STRUCT + 8, "unknown token 0x00000010", id="unknown token"
    ),
    pytest.param(blob(prop(0) + begin() + close() + end()), STRUCT, "outside any node", id="property at first"),
    pytest.param(
        blob(begin() + close() + prop(0) + end()), STRUCT + 12, "outside any node", id="property behind root"
    ),
    pytest.param(
        blob(begin() + begin(b"a") + close() + prop(0) + close() + end()),
        STRUCT + 20,
        "property after a subnode",
        id="property after subnode",
    ),
    pytest.param(
        blob(begin() + begin(b"a") + close() + words(NOP) + prop(0) + close() + end()),
        STRUCT + 24,
        "property after a subnode",
        id="property after subnode and NOP",
    ),
    pytest.param(blob(begin() + end()), STRUCT + 8, "still open", id="root not closed"),
    pytest.param(blob(begin() + close()), STRUCT + 12, "without FDT_END", id="no FDT_END"),
    pytest.param(blob(begin() + words(NOP)), STRUCT + 12, "without FDT_END", id="ends after NOP"),
    pytest.param(
        blob(begin() + close() + close() + end()), STRUCT + 12, "without an open node", id="closed too often"
    ),
    pytest.param(
        blob(begin() + close() + begin(b"b") + close() + end()), STRUCT + 12, "second root", id="two roots"
    ),
    pytest.param(
        blob(begin() + close() + end() + words(BEGIN)), STRUCT + 16, "data after FDT_END", id="data after end"
    ),
    pytest.param(
        blob(begin() + close() + end() + words(0) + b"\0x"), STRUCT + 20, "data after FDT_END", id="odd data after end"
    ),
    pytest.param(blob(nested(MAX_DEPTH + 1)), STRUCT + 8 * (MAX_DEPTH + 1), "deeper than", id="too deep"),
    # Names of nodes.
    pytest.param(
        blob(words(BEGIN) + b"abcd", strings=b"efgh"), STRUCT, "no closing NUL", id="node name never closed"
    ),
    pytest.param(
        blob(words(BEGIN) + b"abcd", strings=b"efgh\0"), STRUCT, "ends past", id="node name into strings"
    ),
    pytest.param(
        blob(begin() + begin(b"n" * (MAX_NAME + 1)) + close() * 2 + end()), STRUCT + 8, "within 255", id="node name long"
    ),
    pytest.param(blob(words(BEGIN)), STRUCT, "ends past the structure", id="node name absent"),
    # Properties.
    pytest.param(blob(begin() + words(PROP)), STRUCT + 8, "ends past", id="property without length"),
    pytest.param(blob(begin() + words(PROP, 4)), STRUCT + 8, "ends past", id="property without name"),
    pytest.param(
        blob(begin() + words(PROP, 400, 0)), STRUCT + 8, "value of 400 bytes ends past", id="value too long"
    ),
    pytest.param(
        blob(begin() + words(PROP, 0xFFFFFFFF, 0) + close() + end()),
        STRUCT + 8,
        "value of 4294967295 bytes",
        id="value of 4 GiB",
    ),
    pytest.param(
        blob(begin() + prop(22) + close() + end()), STRUCT + 8, "outside the strings block", id="name outside"
    ),
    pytest.param(
        blob(begin() + prop(0) + prop(0xFFFFFFFF) + close() + end()),
        STRUCT + 20,
        "outside the strings block",
        id="name far outside",
    ),
    pytest.param(
        blob(begin() + prop(4) + close() + end(), strings=b"reg\0stat"), STRUCT + 8, "no closing NUL", id="name open"
    ),
    pytest.param(
        blob(begin() + prop(0) + close() + end(), strings=b""), STRUCT + 8, "outside the strings", id="no strings"
    ),
    pytest.param(
        blob(begin() + prop(0) + close() + end(), strings=b"p" * 256 + b"\0"), STRUCT + 8, "longer", id="name long"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("data", "offset", "text"), FAULTS)
def test_a_fault_is_one_error_with_its_offset(data: bytes, offset: int, text: str) -> None:
    with pytest.raises(DtbFormatError) as caught:
        parse(data)
    assert text in str(caught.value)
    assert caught.value.offset == offset
    assert f"offset 0x{offset:x}" in str(caught.value)
    assert isinstance(caught.value, InputError)


def test_too_large_a_blob_is_refused_before_it_is_unpacked() -> None:
    size = (16 << 20) + 1
    with pytest.raises(DtbFormatError, match="more than the"):
        parse(blob(totalsize=size).ljust(size, b"\0"))


def test_version_16_structure_may_not_run_into_the_strings() -> None:
    data = blob(begin() + close(), version=16, tail=b"")
    with pytest.raises(DtbFormatError, match="without FDT_END"):
        parse(data)


@pytest.mark.parametrize("cut", range(0, 300, 4))
def test_every_truncation_is_an_error(cut: int) -> None:
    data = small_tree()
    if cut < len(data):
        with pytest.raises(DtbFormatError):
            parse(data[:cut])


GOOD = [
    pytest.param(blob(), id="empty root"),
    pytest.param(blob() + b"trailing", id="bytes after totalsize"),
    pytest.param(blob(tail=bytes(4096)), id="padded"),
    pytest.param(blob(version=17, last_comp_version=17), id="17 only"),
    pytest.param(blob(version=16), id="version 16"),
    pytest.param(blob(version=21), id="newer but compatible"),
    pytest.param(blob(words(NOP) + begin() + words(NOP) + close() + words(NOP) + end()), id="NOPs"),
    pytest.param(blob(begin() + close() + end() + words(0, NOP, 0)), id="padding after FDT_END"),
    pytest.param(blob(begin() + close() + end() + b"\0\0"), id="odd zeros after FDT_END"),
    pytest.param(blob(strings=b""), id="no strings"),
    pytest.param(blob(strings=b"reg"), id="open string that nobody uses"),
    pytest.param(
        blob(begin() + prop(0) + close() + end(), strings=b"reg\0" + b"s" * 300 + b"\0"),
        id="long string nobody uses",
    ),
    pytest.param(blob(nested(MAX_DEPTH)), id="as deep as allowed"),
    pytest.param(blob(begin() + begin(b"n" * MAX_NAME) + close() * 2 + end()), id="name as long as allowed"),
    pytest.param(blob(reserve=words(0, 5, 0, 0) + CLOSED_MAP), id="reserve entry of size 0"),
    pytest.param(blob(words(BEGIN, 0, END_NODE, END)), id="words"),
]


@pytest.mark.parametrize("data", GOOD)
def test_what_is_unusual_but_right_is_read(data: bytes) -> None:
    tree = parse(data)
    assert tree.root.path == "/"
    assert tree.blob == data[: tree.header.totalsize]

# SPDX-License-Identifier: Apache-2.0
"""Whatever a tree calls its regions, an export is harmless text with every place in it, or says what it left out."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from carveout.report.export.registry import EXPORTERS, render
from support.boards import region
from support.exports import MIB, export_of

_names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=20
).filter(lambda name: len(name.encode()) < 64)


@given(st.lists(_names, min_size=1, max_size=4, unique=True), st.sampled_from(["rmem", ""]))
def test_exports_are_harmless_and_whole(names: list[str], prefix: str) -> None:
    export = export_of(
        *(
            region(name, reg=[(0x5000_0000 + at * MIB, MIB)], compatible=name)
            for at, name in enumerate(names)
        ),
        prefix=prefix,
    )
    assert len(export.entries) + len(export.left_out) == len(names)
    for name in EXPORTERS:
        text = render(name, export)
        if name != "csv":
            assert text.isascii()
            assert all(char.isprintable() or char in "\n\t" for char in text)
        if name in ("ld", "c", "rust", "zephyr"):
            assert all(f"{entry.base:x}" in text for entry in export.entries)
    assert [int(row["base"], 16) for row in json.loads(render("json", export))["regions"]] == [
        entry.base for entry in export.entries
    ]

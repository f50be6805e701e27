# SPDX-License-Identifier: Apache-2.0
"""A change as steps, as an overlay and as text: all three give the same tree."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from carveout.change.overlay import overlay_of
from carveout.change.proposal import (
    GoneNode,
    NewNode,
    RenamedNode,
    contents,
    highest_phandle,
    is_same_but_for_phandles,
    propose,
    removing,
    setting,
)
from carveout.change.source import overlay_source, source_of
from carveout.errors import EditError
from carveout.fdt import Tree, parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.overlay import apply
from support.boards import blob_of, cells, cpus, memory, mib, node, region, reserved_memory, text, wide

if TYPE_CHECKING:
    from pathlib import Path

    from carveout.change.proposal import Change, Proposal

POOL = "/reserved-memory/pool"
needs_dtc = pytest.mark.skipif(
    not (shutil.which("dtc") and shutil.which("fdtoverlay")),
    reason="dtc is missing: apt install device-tree-compiler",
)


def tree(*regions: DraftNode, symbols: dict[str, bytes] | None = None) -> Tree:
    parents = [reserved_memory(*regions)] if regions else []
    named = [node("__symbols__", symbols)] if symbols else []
    return parse(
        blob_of(
            cpus(),
            memory((0x4000_0000, mib(1024))),
            *parents,
            node("vpu", {"compatible": text("acme,vpu"), "memory-region": cells(1)}),
            *named,
            reserve=[(0x4100_0000, 0x1000)],
        )
    )


def usual() -> Tree:
    return tree(
        region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(1))]), region("pool", size=mib(4), phandle=1)
    )


PIN = setting(POOL, "reg", wide(0x7FC0_0000, mib(4)))
NEW = NewNode(
    "/reserved-memory",
    DraftNode("vpu@60000000", {"reg": wide(0x6000_0000, mib(1)), "no-map": b"", "phandle": cells(2)}),
    label="vpu_memory",
)
FOR_VPU = setting("/vpu", "memory-region", cells(1, 2))
PARENT = NewNode(
    "/",
    DraftNode(
        "reserved-memory",
        {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""},
        [DraftNode("a@50000000", {"reg": wide(0x5000_0000, 4096)}), DraftNode("b", {"size": wide(4096)})],
    ),
)

SAYABLE = [
    pytest.param(usual(), [PIN], id="property"),
    pytest.param(usual(), [NEW], id="node"),
    pytest.param(usual(), [NEW, FOR_VPU], id="node-and-its-user"),
    pytest.param(usual(), [PIN, NEW, FOR_VPU], id="all"),
    pytest.param(tree(), [PARENT], id="parent"),
    pytest.param(
        tree(region("pool@1", reg=[(0x5000_0000, 4096)]), region("pool", size=mib(4), phandle=1)), [PIN],
        id="name-also-of-another",
    ),
    pytest.param(
        tree(
            region("pool@1", reg=[(0x5000_0000, 4096)]),
            region("pool", size=mib(4), phandle=1),
            symbols={"vpu": text("/vpu")},
        ),
        [NEW, FOR_VPU],
        id="label-elsewhere",
    ),
    pytest.param(
        tree(region("pool", size=mib(4), phandle=1), symbols={"the_pool": text(POOL)}),
        [PIN, NEW, FOR_VPU],
        id="label",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "changes"), SAYABLE)
def test_overlay_gives_the_same_tree(before: Tree, changes: list[Change]) -> None:
    proposal = propose(before, changes)
    merged = apply(before, overlay_of(proposal))
    assert contents(merged) == contents(proposal.after)
    assert [n.path for n in merged.nodes()] == [n.path for n in proposal.after.nodes()]


def run(*command: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@needs_dtc
@pytest.mark.dtc
@pytest.mark.parametrize(("before", "changes"), SAYABLE)
def test_fdtoverlay_and_dtc_agree(before: Tree, changes: list[Change], tmp_path: Path) -> None:
    proposal = propose(before, changes)
    overlay = overlay_of(proposal)
    (tmp_path / "a.dtb").write_bytes(before.blob)
    (tmp_path / "blob.dtbo").write_bytes(overlay.blob)
    text_blob = run("dtc", "-q", "-I", "dts", "-O", "dtb", "-", stdin=overlay_source(overlay).encode())
    (tmp_path / "text.dtbo").write_bytes(text_blob)
    for name in ("blob", "text"):
        out = tmp_path / f"{name}.dtb"
        run("fdtoverlay", "-i", str(tmp_path / "a.dtb"), "-o", str(out), str(tmp_path / f"{name}.dtbo"))
        assert contents(parse(out.read_bytes())) == contents(proposal.after)


ANY = [
    *SAYABLE,
    pytest.param(usual(), [removing(POOL, "size"), PIN], id="removal"),
    pytest.param(usual(), [GoneNode(POOL)], id="gone"),
    pytest.param(usual(), [RenamedNode(POOL, "pool@7fc00000"), PIN._replace(path=POOL + "@7fc00000")], id="renamed"),
    pytest.param(
        tree(region("pool", size=mib(4), phandle=1), symbols={"the_pool": text(POOL)}),
        [RenamedNode(POOL, "pond"), setting("/__symbols__", "the_pool", text("/reserved-memory/pond"))],
        id="renamed-label",
    ),
]  # fmt: skip


@needs_dtc
@pytest.mark.dtc
@pytest.mark.parametrize(("before", "changes"), ANY)
def test_text_behind_the_source_of_the_blob(before: Tree, changes: list[Change]) -> None:
    proposal = propose(before, changes)
    source = run("dtc", "-q", "-I", "dtb", "-O", "dts", "-", stdin=before.blob)
    after = source + source_of(proposal, from_source=False).encode()
    made = parse(run("dtc", "-q", "-I", "dts", "-O", "dtb", "-", stdin=after))
    assert contents(made) == contents(proposal.after)


@needs_dtc
@pytest.mark.dtc
@pytest.mark.parametrize(("before", "changes"), ANY)
def test_text_behind_source_with_labels(before: Tree, changes: list[Change]) -> None:
    proposal = propose(before, changes)
    source = run("dtc", "-q", "-I", "dtb", "-O", "dts", "-", stdin=before.blob).decode()
    for path in (POOL, "/vpu"):
        if label := before.label_of(path):
            name = path.rpartition("/")[2]
            source = source.replace(f"\t{name} {{", f"\t{label}: {name} {{")
    after = source + source_of(proposal, from_source=True)
    made = parse(run("dtc", "-q", "-I", "dts", "-O", "dtb", "-", stdin=after.encode()))
    assert is_same_but_for_phandles(without_symbols(made), without_symbols(proposal.after))


def without_symbols(found: Tree) -> Tree:
    return propose(found, [GoneNode("/__symbols__")] if found.node("/__symbols__") else []).after


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([removing(POOL, "size")], f"an overlay cannot remove size of {POOL}: this change has no overlay"),
        ([GoneNode(POOL)], f"an overlay cannot remove the node {POOL}: "),
        (
            [RenamedNode(POOL, "a"), GoneNode("/vpu")],
            f"an overlay cannot rename the node {POOL} and 1 more: ",
        ),
        ([], "nothing changes"),
    ],
)
def test_what_an_overlay_cannot_say(changes: list[Change], why: str) -> None:
    with pytest.raises(EditError, match="^" + why):
        overlay_of(propose(usual(), changes))


def test_a_node_that_no_overlay_can_name() -> None:
    before = tree(region("pool@1", reg=[(0x5000_0000, 4096)]), region("pool", size=mib(4)))
    with pytest.raises(
        EditError, match="it has no phandle, and a node before it has the same name up to the @"
    ):
        overlay_of(propose(before, [PIN]))


def test_a_new_node_that_would_be_merged_into_another() -> None:
    before = tree(region("pool@50000000", reg=[(0x5000_0000, 4096)]))
    new = NewNode("/reserved-memory", DraftNode("pool", {"size": wide(4096)}))
    with pytest.raises(EditError, match="would be merged into other nodes"):
        overlay_of(propose(before, [new]))


def test_all_else_stays() -> None:
    before = usual()
    assert propose(before, []).after.blob == before.blob
    proposal: Proposal = propose(before, [PIN, NEW, FOR_VPU])
    assert proposal.new_phandles == {2}
    after = contents(proposal.after)
    for path, properties in contents(before).items():
        changed = {"reg"} if path == POOL else {"memory-region"} if path == "/vpu" else set()
        assert {k: v for k, v in after[path].items() if k not in changed} == {
            k: v for k, v in properties.items() if k not in changed
        }
    assert proposal.after.reserve_map == before.reserve_map
    assert highest_phandle(proposal.after) == 2


def test_names_that_no_source_can_have() -> None:
    odd = DraftNode("a{b", {"reg": b""})
    with pytest.raises(EditError, match="cannot be written in device tree source"):
        source_of(propose(usual(), [NewNode("/", odd)]), from_source=False)


def test_trees_that_differ_in_more_than_numbers() -> None:
    one = usual()
    assert is_same_but_for_phandles(one, one)
    renumbered = propose(
        one, [setting(POOL, "phandle", cells(9)), setting("/vpu", "memory-region", cells(9))]
    )
    assert is_same_but_for_phandles(one, renumbered.after)
    for change in (
        setting("/vpu", "memory-region", cells(9)),
        setting("/vpu", "memory-region", cells(1, 1)),
        setting("/vpu", "other"),
        setting("/vpu", "compatible", text("acme,vpv")),
        GoneNode("/vpu"),
    ):
        assert not is_same_but_for_phandles(one, propose(one, [change]).after)

# SPDX-License-Identifier: Apache-2.0
"""One fault in a tree, one finding: the fault classes of corpus-and-peers section 4, found before the boot.

faults/clean.dts is the tree that the others differ from. Of these 34 faults dtc, dt-validate and lopper together
find 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot import Scene
from carveout.check.fix import fix_tree
from carveout.check.model import Finding, Severity
from carveout.check.registry import all_rules
from carveout.check.run import NamedScene, check_board
from support.dts import compile_dts

if TYPE_CHECKING:
    from carveout.fdt import Tree

FAULTS = Path(__file__).with_name("faults")

EXPECTED = {
    "static-overlap": "CV101",
    "overlap-with-pool": "CV101",
    "outside-memory": "CV116",
    "partly-outside-memory": "CV118",
    "unit-address-wrong": "CV903",
    "unit-address-missing": "CV901",
    "no-map-and-reusable": "CV301",
    "cma-misaligned": "CV304",
    "neither-reg-nor-size": "CV008",
    "size-cells": "CV201",
    "alignment-cells": "CV203",
    "alloc-ranges-cells": "CV206",
    "alloc-ranges-too-small": "CV208",
    "does-not-fit": "CV210",
    "two-cma-default": "CV701",
    "cma-default-not-reusable": "CV702",
    "cells-differ": "CV003",
    "no-ranges": "CV002",
    "dangling-phandle": "CV401",
    "target-disabled": "CV404",
    "target-not-reserved-memory": "CV402",
    "names-count": "CV406",
    "typo-no-mem": "CV011",
    "wrong-node-name": "CV006",
    "reg-two-entries": "CV111",
    "reg-bad-length": "CV009",
    "pool-unreferenced": "CV414",
    "more-than-64": "CV015",
    "memreserve-overlap": "CV104",
    "memory-overlap": "CV020",
    "page-alignment": "CV115",
    "ramoops-sum": "CV501",
    "restricted-no-map": "CV306",
    "reg-size-zero": "CV112",
}


def findings(name: str) -> tuple[Finding, ...]:
    return run_rules(compile_dts((FAULTS / f"{name}.dts").read_text(encoding="utf-8")), name)


def run_rules(tree: Tree, name: str) -> tuple[Finding, ...]:
    board = read_board(tree, is_made_here=True)
    scenes = [NamedScene(kernel, Scene(kernel=kernel)) for kernel in ("6.1", "7.2")]
    checked = check_board(board, scenes, all_rules(), file=name)
    assert checked.refused == ()
    return checked.findings


def told(name: str) -> set[tuple[str, str]]:
    return {(finding.code, finding.path) for finding in findings(name)}


def test_the_table_has_every_tree() -> None:
    assert {path.stem for path in FAULTS.glob("*.dts")} == EXPECTED.keys() | {"clean"}


@pytest.mark.parametrize(("name", "code"), EXPECTED.items(), ids=list(EXPECTED))
def test_fault_is_found(name: str, code: str) -> None:
    assert code in {found for found, _ in told(name) - told("clean")}


def test_clean_tree_has_no_finding() -> None:
    assert [f for f in findings("clean") if f.severity is not Severity.NOTE] == []


def test_scene_of_a_fault_is_named() -> None:
    refused = [f for f in findings("memreserve-overlap") if f.code == "CV104"]
    assert [f.scenes for f in refused] == [("6.1",)]


@pytest.mark.parametrize("name", EXPECTED)
def test_fix_cures_and_breaks_nothing(name: str) -> None:
    tree = compile_dts((FAULTS / f"{name}.dts").read_text(encoding="utf-8"))

    def check(tree: Tree) -> tuple[Finding, ...]:
        return run_rules(tree, name)

    before = {(f.code, f.path) for f in check(tree) if f.severity is not Severity.NOTE}
    result = fix_tree(tree, check)
    after = {(f.code, f.path) for f in result.remaining if f.severity is not Severity.NOTE}
    curable = {(f.code, f.path) for f in result.before if f.edits and f.severity is not Severity.NOTE}
    assert after & curable == set()
    assert after <= before

# SPDX-License-Identifier: Apache-2.0
"""docs/sweep-field-report.md is what its facts and judgements make, and facts come from results as they should.

The trees and the results of the sweep are not in the repository; the facts that the report needs of them are.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from carveout.cli.main import main
from carveout.kernel.changes import CHANGES
from support.sweep_boards import write_boards

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]


def tool(name: str) -> ModuleType:
    folder = str(ROOT / "tools")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


field: Any = tool("sweep_field")
boots: Any = tool("sweep_field_boots")
text: Any = tool("sweep_field_text")
report: Any = tool("sweep_field_report")
FACTS = report.read_facts(report.FACTS)
FINDINGS = text.read_findings(report.NOTES.read_text(encoding="utf-8"))


def test_the_report_is_in_step() -> None:
    """`tools/sweep_field_report.py` writes it again."""
    assert report.REPORT.read_text(encoding="utf-8") == text.render(FACTS, FINDINGS)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.title)
def test_a_finding_is_about_something(finding: Any) -> None:
    assert finding.kind in field.CLASSES
    assert set(finding.steps) <= {step.id for step in field.STEPS}
    assert finding.package in text.newest(FACTS)
    for step in finding.steps:
        found = [
            f for f in FACTS if finding.covers(f) and f["step"] == step and f["package"] == finding.package
        ]
        assert found, step
        for kind, detail in finding.also:
            assert any(finding.explains(f) and f["class"] == kind for f in FACTS), (kind, detail)
    assert set(finding.fields) <= {change.field for change in CHANGES if change.by == "7.2"}


@pytest.mark.parametrize("finding", [f for f in FINDINGS if f.example], ids=lambda finding: finding.title)
def test_an_example_shows_lines(finding: Any) -> None:
    shown = [f for f in FACTS if f["kind"] == "example" and f["board"] == finding.example]
    assert any(fact["before"] != fact["after"] for fact in shown)


def test_the_facts_add_up() -> None:
    packages = {f["package"]: f for f in FACTS if f["kind"] == "package"}
    assert len(packages) == 9
    for fact in FACTS:
        if fact["kind"] == "cells":
            assert sum(fact["outcomes"].values()) == fact["cells"]
            assert sum(fact["exactness"].values()) == fact["outcomes"].get("ok", 0)
        if fact["kind"] == "step":
            assert fact["worse"] <= fact["changed"] <= fact["compared"] <= packages[fact["package"]]["trees"]
        if fact["kind"] == "change":
            named = text.names(fact)
            assert len(named) in (0, fact["count"])
            assert set(text.names(fact, "with_image")) <= set(named)
            assert max(fact["by_ram"].values()) <= fact["count"] <= sum(fact["by_ram"].values())
        if fact["kind"] == "whole-boot":
            assert fact["agrees"]


def row(**values: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "outcome": "ok", "failure": None, "default_cma": "0x1000", "default_cma_size": "0x4000000", "users_refused": 0,
        "complaints": [], "exactness": "modelled", "failed": 0, "released": 0, "beyond": 0,
    }  # fmt: skip
    return usual | values


def board(name: str, cells: dict[str, dict[str, object]], regions: Any = None) -> Any:
    return field.Swept(name, False, cells, regions or {})


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({}, {"outcome": "panic", "failure": "x"}, [("boot-lost", "x")], id="lost"),
        pytest.param({"outcome": "panic", "failure": "x"}, {}, [("boot-won", "x")], id="won"),
        pytest.param({}, {"default_cma": "0x2000"}, [("default-moved", "")], id="moved"),
        pytest.param(
            {},
            {"default_cma": None, "default_cma_size": None},
            [("default-lost", "64 MiB -> none")],
            id="no-default",
        ),
        pytest.param(
            {}, {"default_cma_size": "0x1000000"}, [("default-resized", "64 MiB -> 16 MiB")], id="resized"
        ),
        pytest.param({}, {"users_refused": 2}, [("users-worse", "")], id="users"),
        pytest.param({}, {"exactness": "exact"}, [("exactness", "modelled -> exact")], id="exactness"),
        pytest.param(
            {"complaints": ["cma: Failed to reserve 64 MiB on node -1"]},
            {"complaints": ["cma: Failed to reserve 64 MiB"]},
            [],
            id="another-wording",
        ),
        pytest.param(
            {"complaints": ["node 'a' 0x10"]},
            {"complaints": ["node 'a' 0x10", "node 'b' 0x20"]},
            [("line-new", "node 'NAME' N")],
            id="one-line-more",
        ),
    ],
)
def test_differences_of_cells(before: dict[str, object], after: dict[str, object], kinds: list[Any]) -> None:
    one = board("7.2-arm64/x.dtb", {"a": row(**before), "b": row(**after)})
    assert [tuple(found) for found in field.differences(one, one, "a", "b")] == kinds


def region(**values: object) -> dict[str, object]:
    return {"outcome": "placed", "base": "0x1000", "pool": "cma", "region_kind": "dynamic"} | values


@pytest.mark.parametrize(
    ("after", "kinds"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"base": "0x2000"}, [("region-moved", "dynamic")], id="moved"),
        pytest.param(
            {"outcome": "released", "pool": None},
            [("region-lost", "released"), ("pool-lost", "cma")],
            id="released",
        ),
    ],
)
def test_differences_of_regions(after: dict[str, object], kinds: list[Any]) -> None:
    regions = {"a": {"/r": region()}, "b": {"/r": region(**after), "/new": region()}}
    one = board("7.2-arm64/x.dtb", {"a": row(), "b": row()}, regions)
    assert [tuple(found) for found in field.differences(one, one, "a", "b")] == kinds


@pytest.mark.parametrize("outcome", ["refused", "unknown"])
def test_what_was_not_booted_is_not_compared(outcome: str) -> None:
    one = board("7.2-arm64/x.dtb", {"a": row(), "b": row(outcome=outcome)})
    assert field.differences(one, one, "a", "b") is None


def test_the_smallest_ram_that_fits() -> None:
    cells = {f"7.2 4K {word}": row(failed=word in ("256M", "1G")) for word in field.RAM_WORDS[1:]}
    small = board("7.2-arm64/a.dtb", cells, {"7.2 4K 1G": {"/r": region()}})
    never = board("7.2-arm64/b.dtb", {"7.2 4K 8G": row(released=1)}, {"7.2 4K 8G": {"/r": region()}})
    own = board("7.2-arm64/c.dtb", {"7.2 4K tree": row(beyond=1)}, {"7.2 4K tree": {"/r": region()}})
    (fact,) = field.fit_facts([small, never, own], ["7.2 4K"])
    assert fact["asked"] == 2
    assert fact["from"] == {"2G": ["a"], "none": ["b"]}
    assert fact["own_ram"] == ["c"]
    assert fact["misfits"] == {"tree": 1, "256M": 1, "512M": 0, "1G": 1, "2G": 0, "4G": 0, "8G": 1}


def test_facts_are_gathered_from_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_boards(tmp_path / "7.2.1-arm64", 8)
    matrix = ["--kernel", "6.12", "--kernel", "7.2", "--page-size", "4K", "--page-size", "16K"]
    matrix += ["--memory-size", "1G", "--if-ram-missing", "--memory-base", "0x40000000"]
    results = tmp_path / "r.jsonl"
    assert (
        main(["sweep", "7.2.1-arm64", *matrix, "--engine", "inline", "-q", "--no-check", "-o", str(results)])
        == 0
    )
    facts = list(report.gather([results], tmp_path, []))
    (package,) = [fact for fact in facts if fact["kind"] == "package"]
    assert package["trees"] == 8
    lost = [
        f for f in facts if f["kind"] == "change" and f["class"] == "pool-lost" and f["step"] == "pages-7.2"
    ]
    assert [text.names(fact) for fact in lost] == [["board-000", "board-007"]]
    for fact in facts:
        if fact["kind"] == "change" and fact["class"] in field.HINGES:
            assert "with_image" in fact


def test_a_second_look_puts_an_image_in_the_way(tmp_path: Path) -> None:
    write_boards(tmp_path / "7.2.1-arm64", 1)
    trees = boots.Trees(tmp_path, {"7.2.1-arm64": "arm64"})
    plain = trees.boot("7.2.1-arm64", "board-000", "7.2 4K tree", with_image=False)
    made = trees.boot("7.2.1-arm64", "board-000", "7.2 4K tree", with_image=True)
    owners = [{claim.who for claim in one.claims} for one in (plain, made)]
    assert len(owners[1] - owners[0]) == 2, owners
    assert not boots.holds("boot-lost", plain, made)
    assert not boots.holds("default-lost", plain, made)

# SPDX-License-Identifier: Apache-2.0
"""From the results of sweeps over Debian's trees to the facts that docs/sweep-field-report.md is made of.

A fact is a line of JSON. What two cells of one board differ in is put into classes (CLASSES); for each step (a change
of kernel or of page size), package and class there is one fact with the boards, by RAM.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, cast

from carveout.sweep.answers import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from carveout.sweep.rows import Row

    Fact = dict[str, object]

CLASSES = {
    "boot-lost": "the boot was ok and ends in a panic",
    "boot-won": "the boot ended in a panic and is ok",
    "region-lost": "a region was placed and is not",
    "region-won": "a region was not placed and is",
    "region-moved": "a region is placed elsewhere",
    "pool-lost": "a region was a pool and is none",
    "default-lost": "there was a default area and is none",
    "default-won": "there was no default area and is one",
    "default-resized": "the default area has another size",
    "default-moved": "the default area has the same size and is elsewhere",
    "users-worse": "more entries of memory-region give an error",
    "users-better": "fewer entries of memory-region give an error",
    "line-new": "the kernel complains and did not",
    "line-gone": "the kernel complained and does not",
    "exactness": "the answer is known less or more exactly",
}
WORSE = ("boot-lost", "region-lost", "pool-lost", "default-lost", "users-worse")
HINGES = ("boot-lost", "boot-won", "region-lost", "region-won", "default-lost", "default-won")
"""Classes for which it can matter where the kernel's image is."""
_COUNTED_ONLY = ("default-moved", "default-resized", "exactness")
RAM_WORDS = ("tree", "256M", "512M", "1G", "2G", "4G", "8G")


class Step(NamedTuple):
    """A change whose effects are looked at: words of two scenes' names."""

    id: str
    before: str
    after: str
    architectures: tuple[str, ...]


STEPS = (
    Step("kernel-4k", "6.12 4K", "7.2 4K", ("arm64", "arm", "riscv64")),
    Step("kernel-16k", "6.12 16K", "7.2 16K", ("arm64",)),
    Step("pages-6.12", "6.12 4K", "6.12 16K", ("arm64",)),
    Step("pages-7.2", "7.2 4K", "7.2 16K", ("arm64",)),
)
SHIPPED = Step("shipped", "6.12 4K", "7.2 4K", ("arm64", "arm"))
"""The tree of the older package on its kernel, the tree of the newer package on its."""


class Swept(NamedTuple):
    """One board's rows."""

    board: str
    gives_ram: bool
    cells: Mapping[str, Row]
    regions: Mapping[str, Mapping[str, Row]]
    """Scene → path → row."""

    @property
    def package(self) -> str:
        """The folder of the kernel package."""
        return self.board.partition("/")[0]

    @property
    def name(self) -> str:
        """The board within the package, without the ending."""
        return self.board.partition("/")[2].removesuffix(".dtb")


class Difference(NamedTuple):
    """What one board's cells differ in."""

    kind: str
    detail: str = ""


def swept(rows: Sequence[Row]) -> Swept | None:
    """Return one board's rows in order; None for a board that was not read."""
    head = rows[0]
    if head["error"] is not None:
        return None
    regions: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["kind"] == "region" and row["path"] is not None:
            regions.setdefault(_scene(row), {})[str(row["path"])] = row
    return Swept(
        str(head["board"]),
        bool(head["gives_ram"]),
        {_scene(row): row for row in rows if row["kind"] == "cell"},
        regions,
    )


def _scene(row: Row) -> str:
    # A sweep with one page size does not name it.
    kernel, *rest = str(row["scene"]).split()
    return " ".join([kernel, *(rest if len(rest) == 2 else ["4K", *rest])])


def differences(old: Swept, new: Swept, before: str, after: str) -> list[Difference] | None:
    """Return what is different in scene `after`; None when one of the two was not booted."""
    a, b = old.cells.get(before), new.cells.get(after)
    if a is None or b is None or {a["outcome"], b["outcome"]} & {"refused", "unknown"}:
        return None
    found: list[Difference] = []
    if a["outcome"] != b["outcome"]:
        found.append(
            Difference("boot-lost" if a["outcome"] == "ok" else "boot-won", str(b["failure"] or a["failure"]))
        )
    else:
        found += _of_regions(old.regions.get(before, {}), new.regions.get(after, {}))
        found += _of_default(a, b)
        users = cast("int", b["users_refused"]) - cast("int", a["users_refused"])
        if users:
            found.append(Difference("users-worse" if users > 0 else "users-better"))
        found += _of_lines(cast("list[str]", a["complaints"] or []), cast("list[str]", b["complaints"] or []))
        if a["exactness"] != b["exactness"]:
            found.append(Difference("exactness", f"{a['exactness']} -> {b['exactness']}"))
    return list(dict.fromkeys(found))


def _of_regions(old: Mapping[str, Row], new: Mapping[str, Row]) -> Iterator[Difference]:
    for path, b in new.items():
        a = old.get(path)
        if a is None:
            continue
        if a["outcome"] != b["outcome"]:
            if a["outcome"] == "placed":
                yield Difference("region-lost", str(b["outcome"]))
            elif b["outcome"] == "placed":
                yield Difference("region-won", str(a["outcome"]))
        elif a["outcome"] == "placed" and a["base"] != b["base"]:
            yield Difference("region-moved", str(b["region_kind"]))
        if a["pool"] and not b["pool"]:
            yield Difference("pool-lost", str(a["pool"]))


def _of_default(a: Row, b: Row) -> Iterator[Difference]:
    sizes = [
        None if row["default_cma_size"] is None else int(str(row["default_cma_size"]), 16) for row in (a, b)
    ]
    if sizes[0] != sizes[1]:
        kind = (
            "default-lost" if sizes[1] is None else "default-won" if sizes[0] is None else "default-resized"
        )
        yield Difference(kind, " -> ".join("none" if size is None else f"{size >> 20} MiB" for size in sizes))
    elif a["default_cma"] != b["default_cma"]:
        yield Difference("default-moved")


_NODE_WORDS = re.compile(r" on node -?\d+$")


def line_pattern(line: str) -> str:
    """Return a log line without what differs from board to board. `on node N` is a matter of wording."""
    return pattern_of(_NODE_WORDS.sub("", line))


def _of_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Difference]:
    # As often as they are printed: a line more of a kind is new.
    before, after = (Counter(line_pattern(line) for line in lines) for lines in (old, new))
    yield from (Difference("line-new", text) for text in after if after[text] > before[text])
    yield from (Difference("line-gone", text) for text in before if before[text] > after[text])


class Tally:
    """Differences of one step, gathered by package."""

    def __init__(self, step: Step) -> None:
        """step: what is compared."""
        self.step = step
        self.compared: dict[str, set[str]] = {}
        self.changed: dict[str, set[str]] = {}
        self.worse: dict[str, set[str]] = {}
        self.found: dict[tuple[str, Difference], dict[str, list[str]]] = {}
        """(package, difference) → board → RAM words."""

    def add(self, old: Swept, new: Swept) -> None:
        """Compare one board in all RAM that it was booted with."""
        for word in RAM_WORDS:
            found = differences(old, new, f"{self.step.before} {word}", f"{self.step.after} {word}")
            if found is None:
                continue
            package = new.package
            self.compared.setdefault(package, set()).add(new.name)
            real = [one for one in found if one.kind != "exactness"]
            if real:
                self.changed.setdefault(package, set()).add(new.name)
            if any(one.kind in WORSE for one in real):
                self.worse.setdefault(package, set()).add(new.name)
            for one in found:
                self.found.setdefault((package, one), {}).setdefault(new.name, []).append(word)

    def facts(self, listed: Iterable[str]) -> Iterator[Fact]:
        """Return the facts. listed: packages whose boards are named; of the others only the number is."""
        for package in sorted(self.compared):
            yield {
                "kind": "step",
                "step": self.step.id,
                "package": package,
                "compared": len(self.compared[package]),
                "changed": len(self.changed.get(package, ())),
                "worse": len(self.worse.get(package, ())),
            }
        for (package, one), boards in sorted(self.found.items()):
            fact: Fact = {
                "kind": "change",
                "step": self.step.id,
                "package": package,
                "class": one.kind,
                "detail": one.detail,
                "count": len(boards),
                "by_ram": dict(Counter(word for words in boards.values() for word in words)),
            }
            if package in set(listed) and one.kind not in _COUNTED_ONLY:
                groups: dict[str, list[str]] = {}
                for board, words in sorted(boards.items()):
                    groups.setdefault(" ".join(words), []).append(board)
                fact["boards"] = groups
            yield fact


def fit_facts(boards: Iterable[Swept], scenes: Sequence[str]) -> Iterator[Fact]:
    """Return which boards have something not placed as the tree asks. scenes: without the word of the RAM."""
    sizes = RAM_WORDS[1:]
    for scene in scenes:
        misfits: dict[str, list[str]] = {word: [] for word in RAM_WORDS}
        smallest: dict[str, list[str]] = {}
        asked = 0
        for board in boards:
            if not board.regions:
                continue
            bad = {word: _misfit(board.cells.get(f"{scene} {word}")) for word in RAM_WORDS}
            for word, is_bad in bad.items():
                if is_bad:
                    misfits[word].append(board.name)
            if bad["tree"] is None:
                asked += 1
                too_small = [word for word in sizes if bad[word]]
                at = sizes.index(too_small[-1]) + 1 if too_small else 0
                if at:
                    smallest.setdefault(sizes[at] if at < len(sizes) else "none", []).append(board.name)
        yield {
            "kind": "fit",
            "scene": scene,
            "asked": asked,
            "misfits": {word: len(names) for word, names in misfits.items()},
            "own_ram": sorted(misfits["tree"]),
            "from": {word: sorted(names) for word, names in smallest.items()},
        }


def _misfit(cell: Row | None) -> bool | None:
    if cell is None or cell["outcome"] in ("refused", "unknown"):
        return None
    return cell["outcome"] != "ok" or any(
        cast("int", cell[name]) for name in ("failed", "released", "beyond")
    )


def cell_facts(boards: Sequence[Swept], package: str) -> Iterator[Fact]:
    """Return how many boards each scene has, what came of them, and how well it is known."""
    scenes = dict.fromkeys(" ".join(scene.split()[:2]) for board in boards for scene in board.cells)
    for scene in scenes:
        cells = [row for board in boards for name, row in board.cells.items() if name.startswith(f"{scene} ")]
        if not cells:
            continue
        yield {
            "kind": "cells",
            "package": package,
            "scene": scene,
            "cells": len(cells),
            "outcomes": dict(sorted(Counter(str(row["outcome"]) for row in cells).items())),
            "exactness": dict(
                sorted(Counter(str(row["exactness"]) for row in cells if row["outcome"] == "ok").items())
            ),
        }

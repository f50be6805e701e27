#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write docs/support-matrix.md from the tables of kernels and from the recorded boots.

    tools/support_matrix.py [--check]

With --check nothing is written; the exit status is 1 when the file is not what it would be.
tests/unit/kernel/test_support_matrix.py holds the same. How many boots agree is not counted here but follows from
tests/golden/test_boots.py, which fails when one does not: recorded boots of its IMPLEMENTED sources, less those that
tests/data/boots/KNOWN.md lists.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from carveout.kernel.knowledge import (  # noqa: E402 the source tree beside this file
    HOW,
    OPEN_HOW,
    READ_HOW,
    SAME_HOW,
    builds,
    described,
    differences,
    field_knowledge,
    neighbours,
)
from carveout.kernel.release import BOOTED  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

TARGET = ROOT / "docs" / "support-matrix.md"
BOOTS = ROOT / "tests" / "data" / "boots"
GOLDEN = ROOT / "tests" / "golden" / "test_boots.py"
KIB = 1 << 10

VERSIONS = ("5.10", "5.15", "5.16", "6.1", "6.4", "6.6", "6.8", "6.12", "6.15", "7.0", "7.2")
"""The releases shown: those that were booted and a choice between."""

# How the recordings name an architecture.
RECORDED_ARCH = {"ppc64": "powerpc64"}

HEAD = """\
# Support matrix

Written by `make docs` from `kernel/changes.py`, `kernel/release.py` and the recorded boots; do not edit. `carveout kernels` prints the same tables.
A result is `exact` when it equals a booted kernel's in every recorded boot, and the scene names all that matters: RAM, the places of
kernel and tree. Everything else is `modelled`, with the reason.
"""


class Count(NamedTuple):
    """Recorded boots of one kernel release: all, those that agree, and what is said of the rest."""

    boots: int
    agree: int
    missing: str


def text() -> str:
    """Return the whole document."""
    return "\n".join([HEAD, *booted_section(), *between_section(), *field_section()])


def booted_section() -> list[str]:
    """Return the kernels that were booted, with the boots that agree."""
    counts = recorded()
    lines = ["## Kernels that were booted", ""]
    rows = []
    for booted in BOOTED:
        known = {(build.arch, build.page_size): build for build in builds(booted.series)}
        for flavour, arch, size in booted.flavours:
            release = f"{booted.release}-{flavour}"
            count = counts.get(release, Count(0, 0, "none recorded"))
            build = known[arch, size]
            result = build.refused or ("; ".join(build.doubts) if build.doubts else "exact")
            if count.missing:
                result = count.missing if count.agree == 0 else f"{result}; {count.missing}"
            rows.append((f"`{release}`", arch, f"{size // KIB}K", str(count.boots), str(count.agree), result))
    lines += table(("kernel", "architecture", "pages", "recorded boots", "that agree", "results"), rows)
    total = sum(count.boots for count in counts.values())
    agree = sum(count.agree for count in counts.values())
    return [
        *lines,
        "",
        f"{agree} of {total} recorded boots agree in every log line, placement and outcome.",
        "",
    ]


def recorded() -> dict[str, Count]:
    """Return the recorded boots by kernel release. Raises: ValueError when the golden test is not as expected."""
    held = literals(GOLDEN, ("IMPLEMENTED", "PENDING"))
    known = [line for line in (BOOTS / "KNOWN.md").read_text(encoding="utf-8").splitlines() if "__" in line]
    found: dict[str, Count] = {}
    for row in json.loads((BOOTS / "index.json").read_text(encoding="utf-8")):
        source = row["source"], row["arch"]
        is_held = source in held["IMPLEMENTED"] and source not in held["PENDING"]
        for release, boots in row["releases"].items():
            excused = sum(line.startswith("- ") and f"__{release}:" in line for line in known)
            before = found.get(release, Count(0, 0, ""))
            agree = boots - min(excused, boots) if is_held else 0
            missing = before.missing or (
                "" if is_held else f"{source[0]}: recorded, not simulated in full yet"
            )
            found[release] = Count(before.boots + boots, before.agree + agree, missing)
    return found


def literals(path: Path, names: tuple[str, ...]) -> dict[str, Collection[object]]:
    """Return the values of top-level names that are literals. Raises: ValueError when one is missing."""
    found: dict[str, Collection[object]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in names:
                is_empty_set = isinstance(node.value, ast.Call) and not node.value.args
                found[name] = () if is_empty_set else ast.literal_eval(node.value)
    missing = [name for name in names if name not in found and name != "PENDING"]
    if missing:
        raise ValueError(f"{path.name} has no {', '.join(missing)}")
    return {"PENDING": (), **found}


def between_section() -> list[str]:
    """Return the versions between, with what differs from the booted neighbours and what is open."""
    rows = []
    for version in VERSIONS:
        before, after = neighbours(version)
        known = field_knowledge(version)
        how = {name: sum(item.how == name for item in known) for name in HOW}
        kind = "booted" if how["booted"] else "between"
        rows.append(
            (
                version,
                kind,
                changed(before, version, shown=before),
                changed(version, after, shown=after),
                str(how[SAME_HOW]) if kind == "between" else "",
                str(how[READ_HOW]) if kind == "between" else "",
                str(how[OPEN_HOW]) if kind == "between" else "",
            )
        )
    header = ("version", "how", "changed since the booted one before", "changes until the booted one after",
              "fields the same on both sides", "decided by a source", "open")  # fmt: skip
    return [
        "## Versions",
        "",
        "Any version between 5.10 and 7.2 resolves; these are a choice. `carveout kernels VERSION` lists the fields.",
        "",
        *table(header, rows),
        "",
    ]


def changed(older: str | None, newer: str | None, *, shown: str | None) -> str:
    """Return how many fields differ between two kernels, and the one to show; empty when there is no other."""
    return "" if older is None or newer is None else f"{len(differences(older, newer))} ({shown})"


def field_section() -> list[str]:
    """Return every field with its value in the booted kernels and the changes."""
    over = [field_knowledge(booted.series) for booted in BOOTED]
    rows = []
    for column in zip(*over, strict=True):
        values = [f"`{str(item.value).strip()}`" for item in column]
        shown = [value if at == 0 or value != values[at - 1] else "=" for at, value in enumerate(values)]
        changes = list(dict.fromkeys(item.last for item in column if item.last is not None))
        words = "; ".join(f"{described(change)} ({change.source})" for change in changes)
        rows.append((f"`{column[0].name}`", *shown, words))
    header = ("field", *(booted.series for booted in BOOTED), "change (section of the specification)")
    return [
        "## Decisions",
        "",
        "Each is a field that `--behaviour NAME=VALUE` and a vendor file can set. `=`: as in the column before.",
        "",
        *table(header, rows),
        "",
    ]


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table in Markdown."""
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when it differs")
    args = parser.parse_args()
    now = text()
    before = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if now == before:
        return 0
    if args.check:
        sys.stderr.write(f"support_matrix: {TARGET.name} is not what the tables say: run make docs\n")
        return 1
    TARGET.write_text(now, encoding="utf-8")
    sys.stdout.write(f"{TARGET.name}: written again\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write docs/field-report.md: what all rules find in all device trees of Debian's kernel packages.

    tools/fetch_dtbs.py DIR --suite SUITE...
    tools/field_report.py DIR [--findings FILE]

DIR holds one folder per kernel package, as tools/fetch_dtbs.py makes them; each is checked in a process of its own,
one after the other. What was judged about the errors is in docs/field-notes.toml; the report has both, each under
its own heading. The exit status is 1 when a tree made the program fail, or when nobody has judged an error yet.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tools")]

from carveout.board import read_board  # noqa: E402
from carveout.boot import Scene, boot  # noqa: E402
from carveout.check.registry import all_rules  # noqa: E402
from carveout.check.run import NamedScene, check_board  # noqa: E402
from carveout.errors import CarveoutError  # noqa: E402
from carveout.fdt import parse  # noqa: E402
from field_text import Hit, Note, Package, hits_of, read_notes, render, unjudged  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.span import Span

REPORT = ROOT / "docs" / "field-report.md"
NOTES = ROOT / "docs" / "field-notes.toml"
KIB = 1 << 10

# How the folders of kernel packages end, and the architecture that stands for.
ARCHITECTURES = {"arm64": "arm64", "armhf": "arm"}

# Series of which Debian has arm64 kernels with 16 KiB pages: the page size and how their releases end.
LARGE_PAGES = {"6.12": (16 * KIB, "-16k"), "7.2": (16 * KIB, "-16k")}

# What tells a line of the kernel's log that complains from one that informs.
_COMPLAINT = re.compile(
    r"OVERLAP|overlaps with|[Ff]ailed|incorrect|Ignoring|unsupported|invalid|cannot|not enough"
)


def scene_of(package: str, page_size: int = 4 * KIB, suffix: str = "", memory: Sequence[Span] = ()) -> Scene:
    """Return the scene for the trees of a package's folder, `6.12.117+deb13-arm64` for one."""
    release, arch = split_name(package)
    return Scene(kernel=release + suffix, arch=ARCHITECTURES[arch], page_size=page_size, memory=tuple(memory))


def split_name(package: str) -> tuple[str, str]:
    """Return the kernel release and Debian's architecture that the name of a folder holds."""
    arch = package.rpartition("-")[2]
    # A flavour that is called like the architecture is in the name once.
    return (package if arch == "arm64" else package.removesuffix(f"-{arch}")), arch


def check_tree(name: str, blob: bytes, scene: Scene) -> tuple[list[Hit], list[str]]:
    """Return the findings in a tree, and why it cannot be booted."""
    checked = check_board(read_board(parse(blob)), [NamedScene("scene", scene)], all_rules(), file=name)
    hits = [Hit(name, f.code, str(f.severity), f.path, f.prop, f.message) for f in checked.findings]
    return hits, [f"{name}: {error}" for _, error in checked.refused]


def check_package(folder: Path) -> Package:
    """Check all trees of a package."""
    release, arch = split_name(folder.name)
    series = ".".join(release.split(".")[:2])
    scene = scene_of(folder.name)
    large = LARGE_PAGES.get(series) if arch == "arm64" else None
    trees: list[str] = []
    unread: list[str] = []
    crashes: list[str] = []
    refused: list[str] = []
    hits: list[Hit] = []
    large_hits: list[Hit] = []
    times: list[float] = []
    all_rules()  # imported before the clock runs
    for path in sorted(folder.rglob("*.dtb")):
        name = path.relative_to(folder).as_posix()
        trees.append(name)
        blob = path.read_bytes()
        try:
            start = time.process_time()
            found, no_boot = check_tree(name, blob, scene)
            times.append(1e3 * (time.process_time() - start))
            hits += found
            refused += no_boot
            if large is not None:
                seen = {hit.key for hit in found}
                again, _ = check_tree(name, blob, scene_of(folder.name, *large))
                large_hits += [hit for hit in again if hit.key not in seen]
        except CarveoutError as error:
            unread.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001 a failure in one tree is a result of this report
            crashes.append(f"{name}: {type(error).__name__}: {error}")
    return Package(
        folder=folder.name, release=release, series=series, arch=arch, trees=tuple(trees), unread=tuple(unread),
        crashes=tuple(crashes), refused=tuple(refused), hits=tuple(hits),
        large_hits=tuple(large_hits) if large is not None else None, milliseconds=tuple(times),
    )  # fmt: skip


def check_all(top: Path) -> list[Package]:
    """Check every package below `top`, each in a process of its own, by release and architecture."""
    folders = [
        folder
        for folder in sorted(top.iterdir())
        if folder.is_dir() and folder.name.rpartition("-")[2] in ARCHITECTURES and any(folder.rglob("*.dtb"))
    ]
    packages = []
    for folder in folders:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            packages.append(pool.apply(check_package, (folder,)))
        print(f"{folder.name}: {len(packages[-1].trees)} trees, {len(packages[-1].crashes)} failed")
    return sorted(packages, key=lambda p: (p.arch, [int(part) for part in p.series.split(".")]))


def complaints(top: Path, package: Package, hits: Sequence[Hit], note: Note) -> list[str]:
    """Return the lines with which a kernel complains about the first tree of some findings.

    The kernel with large pages is taken when it alone has these findings.
    """
    only_large = not any(hit in package.hits for hit in hits)
    large = LARGE_PAGES[package.series] if only_large else (4 * KIB, "")
    scene = scene_of(package.folder, *large, memory=note.memory)
    blob = (top / package.folder / min(hit.tree for hit in hits)).read_bytes()
    return [line for line in boot(read_board(parse(blob)), scene).log if _COMPLAINT.search(line)]


def kernel_lines(
    top: Path, packages: Sequence[Package], notes: Sequence[Note]
) -> dict[tuple[int, str], list[str]]:
    """Return what the kernel prints about the first tree of each judgement, by its number and the package."""
    return {
        (number, package.name): complaints(top, package, hits, note)
        for number, note in enumerate(notes, 1)
        for package, hits in hits_of(note, packages)
    }


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("dir", type=Path, help="folder filled by tools/fetch_dtbs.py")
    parser.add_argument(
        "--output", type=Path, default=REPORT, help="the report (default: docs/field-report.md)"
    )
    parser.add_argument(
        "--notes", type=Path, default=NOTES, help="judgements (default: docs/field-notes.toml)"
    )
    parser.add_argument("--findings", type=Path, help="write every finding there too, one JSON object a line")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Check, write the report, and say what is left to judge."""
    args = parse_arguments(argv)
    notes = read_notes(args.notes.read_text(encoding="utf-8"))
    packages = check_all(args.dir)
    if not packages:
        print(f"field_report: no trees of a kernel package in {args.dir}", file=sys.stderr)
        return 3
    if args.findings is not None:
        with args.findings.open("w", encoding="utf-8") as file:
            for package in packages:
                for large, hits in ((False, package.hits), (True, package.large_hits or ())):
                    for hit in hits:
                        found = {"package": package.name, "large_pages": large, **hit._asdict()}
                        file.write(json.dumps(found) + "\n")
    args.output.write_text(render(packages, notes, kernel_lines(args.dir, packages, notes)), encoding="utf-8")
    left = unjudged(packages, notes)
    for hit in left:
        print(f"not judged: {hit.tree}: {hit.code} {hit.path}: {hit.message}")
    failed = [text for package in packages for text in package.crashes]
    for text in failed:
        print(f"failed: {text}")
    return 1 if left or failed else 0


if __name__ == "__main__":
    sys.exit(main())

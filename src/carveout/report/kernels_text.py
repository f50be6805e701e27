# SPDX-License-Identifier: Apache-2.0
"""What is known about kernels, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.kernel.knowledge import (
    BOOTED_HOW,
    HOW,
    OPEN_HOW,
    SAME_HOW,
    builds,
    choices,
    described,
    differences,
    field_knowledge,
    is_for,
    is_older,
    neighbours,
    standing,
)
from carveout.kernel.release import BOOTED, parse_release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.kernel.changes import Change
    from carveout.kernel.knowledge import Difference, FieldKnowledge

SCHEMA = "carveout.kernels/1"
_KIB = 1 << 10


def render_overview(arch: str | None) -> str:
    """Return what is known about every booted kernel, and every field with its values over them."""
    lines = [
        f"Kernels from {BOOTED[0].series} to {BOOTED[-1].series} are known. Booted and measured:",
        "",
        *_table([("series", "version", "release", "architecture", "pages"), *_booted_rows(arch)]),
        "",
        "Any version between is resolved from the changes below, and its results are `modelled`;",
        "`carveout kernels VERSION` says what is not known about it.",
        "",
        "Every decision, with its value in the booted kernels (for --behaviour NAME=VALUE):",
        "",
        *_table([("field", *(b.series for b in BOOTED), "changes"), *_field_rows(arch)]),
    ]
    return "\n".join(lines) + "\n"


def _booted_rows(arch: str | None) -> list[tuple[str, ...]]:
    return [
        (booted.series, booted.version, f"{booted.release}-{flavour}", name, f"{size // _KIB}K")
        for booted in BOOTED
        for flavour, name, size in booted.flavours
        if arch in (None, name)
    ]


def _field_rows(arch: str | None) -> list[tuple[str, ...]]:
    over = [field_knowledge(booted.series) for booted in BOOTED]
    rows: list[tuple[str, ...]] = []
    for column in zip(*over, strict=True):
        name = column[0].name
        if not is_for(name, arch):
            continue
        values = [str(known.value) for known in column]
        shown = [value if at == 0 or value != values[at - 1] else "=" for at, value in enumerate(values)]
        changes = [known.last for known in column if known.last is not None]
        words = "; ".join(dict.fromkeys(described(change) for change in changes))
        rows.append((name, *shown, words))
    return rows


def render_kernel(kernel: str, arch: str | None) -> str:
    """Return what is known about one kernel. Raises: UnsupportedProfile."""
    release = parse_release(kernel)
    known = [item for item in field_knowledge(kernel) if is_for(item.name, arch)]
    arch = arch or release.arch
    lines = [f"Linux {kernel}: {_standing(kernel)}", ""]
    lines += _table([("architecture", "pages", "how", "results"), *_build_rows(kernel, arch)])
    for other in neighbours(kernel):
        if other is not None:
            lines += ["", *_difference_lines(kernel, other, arch)]
    unsure = [item for item in known if item.how == OPEN_HOW]
    if unsure:
        lines += ["", f"Open, {len(unsure)} of {len(known)}: {HOW[OPEN_HOW]}", ""]
        lines += _table([("field", "assumed", "or"), *((i.name, str(i.value), _coming(i)) for i in unsure)])
    lines += ["", "Every decision:", ""]
    header = ("field", "value", "how", "changed", "section")
    rows = [(i.name, str(i.value), i.how, described(i.last), i.last.source if i.last else "") for i in known]
    lines += _table([header, *rows])
    lines += ["", *(f"{how}: {meaning}" for how, meaning in HOW.items() if any(i.how == how for i in known))]
    return "\n".join(lines) + "\n"


def _standing(kernel: str) -> str:
    booted = parse_release(kernel).booted
    how = standing(kernel)
    if how == BOOTED_HOW:
        return f"booted as {booted.version} ({booted.release})"
    if how == SAME_HOW:
        return f"not booted; {booted.version} of the same series was"
    before, after = neighbours(kernel)
    return f"not booted; between {before} and {after}, which were"


def _build_rows(kernel: str, arch: str | None) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for build in builds(kernel):
        if arch not in (None, build.arch):
            continue
        results = f"none: {build.refused}" if build.refused else "modelled" if build.doubts else "exact"
        rows.append((build.arch, f"{build.page_size // _KIB}K", build.how, results))
    return rows


def _difference_lines(kernel: str, other: str, arch: str | None) -> list[str]:
    found = [item for item in _differences(kernel, other) if is_for(item.name, arch)]
    older = is_older(other, kernel)
    title = f"Different from {other}" if older else f"Changed in {other}"
    if not found:
        return [f"{title}: nothing that is known"]
    rows = [(d.name, str(d.old), str(d.new), described(d.change)) for d in found]
    names = (other, kernel) if older else (kernel, other)
    return [f"{title}, {len(found)}:", "", *_table([("field", *names, "changed"), *rows])]


def _differences(kernel: str, other: str) -> tuple[Difference, ...]:
    if is_older(other, kernel):
        return differences(other, kernel)
    return differences(kernel, other)


def _coming(item: FieldKnowledge) -> str:
    return "" if item.coming is None else f"{item.coming.value} ({described(item.coming)})"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def render_json(kernel: str | None, arch: str | None) -> str:
    """Return the same as JSON. kernel: None for every booted one. Raises: UnsupportedProfile."""
    import json

    kernels = [kernel] if kernel is not None else [booted.series for booted in BOOTED]
    content = {"schema": SCHEMA, "how": HOW, "kernels": [_json_kernel(name, arch) for name in kernels]}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _json_kernel(kernel: str, arch: str | None) -> dict[str, object]:
    release = parse_release(kernel)
    known = [item for item in field_knowledge(kernel) if is_for(item.name, arch)]
    return {
        "kernel": kernel,
        "booted": release.is_booted,
        "constants_from": release.booted.version,
        "builds": [
            {
                "arch": build.arch,
                "page_size": build.page_size,
                "how": build.how,
                "doubts": list(build.doubts),
                "refused": build.refused,
            }
            for build in builds(kernel)
            if arch in (None, build.arch)
        ],
        "fields": [
            {
                "name": item.name,
                "value": item.value,
                "how": item.how,
                "choices": list(choices(item.name)),
                "change": _json_change(item.last),
                "coming": _json_change(item.coming),
            }
            for item in known
        ],
        "open": [item.name for item in known if item.how == OPEN_HOW],
        "differences": {
            other: [
                {"name": d.name, "old": d.old, "new": d.new, "change": _json_change(d.change)}
                for d in _differences(kernel, other)
                if is_for(d.name, arch)
            ]
            for other in neighbours(kernel)
            if other is not None
        },
    }


def _json_change(change: Change | None) -> dict[str, object] | None:
    if change is None:
        return None
    return {
        "value": change.value,
        "by": change.by,
        "release": change.release,
        "not_before": change.not_before,
        "seen": change.seen,
        "commit": change.commit,
        "source": change.source,
    }

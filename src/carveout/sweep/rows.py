# SPDX-License-Identifier: Apache-2.0
"""The rows of a sweep's results, schema carveout.sweep/1: what is in a column, and how a boot becomes rows.

As everywhere in carveout's JSON, addresses and sizes are hexadecimal texts and counts are numbers; amounts that one
adds up are counts of KiB, and end in `_kib`. Parquet has the same columns, with addresses and sizes as integers.
Columns are added, never renamed or dropped, without a new schema number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome, RegionKind
from carveout.check.model import Severity
from carveout.span import Span, intersect, union
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion
    from carveout.check.model import Finding

    Row = dict[str, object]

SCHEMA = "carveout.sweep/1"
_LOUD = ("err", "warn", "error", "warning")


class Column(NamedTuple):
    """One column. kind: `text`, `count`, `address`, `flag`, `number` or `texts`."""

    name: str
    kind: str
    about: str


COLUMNS: dict[str, tuple[Column, ...]] = {
    "board": (
        Column("board", "text", "the board, as it was named"),
        Column("model", "text", "`model` of the root"),
        Column("arch", "text", "architecture by the cpu nodes; null: they do not tell"),
        Column("bytes", "count", "size of the blob"),
        Column("gives_ram", "flag", "the tree says how much RAM there is"),
        Column("content", "text", "equal for trees that are equal byte for byte"),
        Column("error", "text", "why the board has no other rows; null: it was read"),
    ),
    "cell": (
        Column("board", "text", "the board"),
        Column("scene", "text", "name of the scene"),
        Column("kernel", "text", "kernel version"),
        Column("arch", "text", "architecture"),
        Column("page_size", "count", "bytes"),
        Column("ram_from", "text", "`given`, `tree`, `efi-map` or `unknown`"),
        Column("ram_kib", "count", "RAM"),
        Column(
            "outcome",
            "text",
            "`ok`, `panic`, `hang`, `unknown` (RAM is not known) or `refused` (no such boot)",
        ),
        Column("failure", "text", "the panic's text, or why the boot was refused"),
        Column("exactness", "text", "`exact`, `modelled` or `unknown`, the weakest of all parts"),
        Column("regions", "count", "nodes below /reserved-memory"),
        Column("placed", "count", "regions that are placed"),
        Column("failed", "count", "regions that could not be reserved or allocated"),
        Column("released", "count", "regions that were given back, since their driver refused them"),
        Column("beyond", "count", "placed regions with an address of their own behind the last byte of RAM"),
        Column("users_refused", "count", "entries of memory-region in enabled devices that give an error"),
        Column("reserved_kib", "count", "RAM that regions keep from the system"),
        Column("cma_kib", "count", "RAM that the system has only on loan: contiguous areas"),
        Column("share", "number", "reserved_kib as a part of ram_kib, 0 to 1"),
        Column("default_cma", "address", "base of the default contiguous area; null: there is none"),
        Column("default_cma_size", "address", "its size"),
        Column("errors", "count", "findings of severity error in this scene"),
        Column("warnings", "count", "findings of severity warning in this scene"),
        Column(
            "complaints", "texts", "error and warning lines of the kernel log, as this kernel prints them"
        ),
    ),
    "region": (
        Column("board", "text", "the board"),
        Column("scene", "text", "name of the scene"),
        Column("path", "text", "node; null: a contiguous area that no node made"),
        Column("name", "text", "name of the node or of the area"),
        Column("region_kind", "text", "`static`, `dynamic`, `none`, or `area`"),
        Column("base", "address", "where it is; null: not placed"),
        Column("size", "address", "bytes; null: not placed"),
        Column("nomap", "flag", "has no-map"),
        Column("reusable", "flag", "has reusable"),
        Column("pool", "text", "`cma`, `dma` or `restricted`; null: none"),
        Column("driver", "text", "compatible that took it"),
        Column("outcome", "text", "as in `carveout map --format json`"),
        Column("exactness", "text", "`exact`, `modelled` or `unknown`"),
        Column("why", "text", "reasons"),
    ),
    "finding": (
        Column("board", "text", "the board"),
        Column("code", "text", "rule"),
        Column("slug", "text", "its name"),
        Column("severity", "text", "`error`, `warning` or `note`"),
        Column("path", "text", "node"),
        Column("prop", "text", "property, or null"),
        Column("message", "text", "what is, what was expected, what follows"),
        Column("fix", "text", "what to change, or null"),
        Column("scenes", "texts", "scenes in which it bites; empty: it does not depend on the scene"),
    ),
}


def board_row(board: Board, *, gives_ram: bool, content: bytes) -> Row:
    """Return the row of a board that was read."""
    return {
        "model": board.model,
        "arch": board.arch,
        "bytes": len(board.tree.blob),
        "gives_ram": gives_ram,
        "content": content.hex(),
        "error": None,
    }


def refused_row(scene: str, kernel: str | None, why: str) -> Row:
    """Return the row of a cell that cannot be booted."""
    row: Row = {column.name: None for column in COLUMNS["cell"][1:]}
    return {**row, "scene": scene, "kernel": kernel, "outcome": "refused", "failure": why, "complaints": []}


def cell_row(scene: str, boot: Boot, findings: Iterable[Finding]) -> Row:
    """Return the row of one boot. findings: those of its scene."""
    counts = dict.fromkeys(Severity, 0)
    for finding in findings:
        counts[finding.severity] += 1
    ram = union(Span.sized(bank.base, bank.size) for bank in boot.memory) if boot.ram_known else []
    total = sum(bank.size for bank in boot.scene.memory)
    kept = union(
        Span.sized(region.base, region.size)
        for region in boot.regions
        if _is_placed(region) and region.base is not None and region.size and region.pool != "cma"
    )
    reserved = sum(span.size for span in intersect(ram, kept))
    areas = sum(
        span.size
        for span in intersect(ram, union(Span.sized(a.base, a.size) for a in boot.cma if a.activated))
    )
    default = next((area for area in boot.cma if area.is_default), None)
    return {
        "scene": scene,
        "kernel": boot.scene.kernel,
        "arch": boot.scene.arch,
        "page_size": boot.scene.page_size,
        "ram_from": boot.scene.memory_source,
        "ram_kib": total >> 10 if boot.ram_known else None,
        "outcome": str(boot.outcome) if boot.ram_known else "unknown",
        "failure": boot.failure,
        "exactness": str(boot.exactness),
        "regions": len(boot.regions),
        "placed": sum(map(_is_placed, boot.regions)),
        "failed": sum(r.outcome in (Outcome.RESERVE_FAILED, Outcome.ALLOC_FAILED) for r in boot.regions),
        "released": sum(region.outcome is Outcome.RELEASED for region in boot.regions),
        "beyond": _beyond(boot),
        "users_refused": sum(use.enabled and use.errno is not None for use in boot.consumers),
        "reserved_kib": reserved >> 10 if boot.ram_known else None,
        "cma_kib": areas >> 10 if boot.ram_known else None,
        "share": round(reserved / total, 4) if boot.ram_known and total else None,
        "default_cma": hex(default.base) if default is not None else None,
        "default_cma_size": hex(default.size) if default is not None else None,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "complaints": [line.text for line in boot.log_lines if line.level in _LOUD],
    }


def region_rows(scene: str, boot: Boot) -> list[Row]:
    """Return the rows of a boot's regions, in tree order, and of the areas that no region made."""
    rows = [_region(scene, region) for region in boot.regions]
    for area in boot.cma:
        if area.from_region is None:
            rows.append(
                {
                    "scene": scene,
                    "path": None,
                    "name": area.name,
                    "region_kind": "area",
                    "base": hex(area.base),
                    "size": hex(area.size),
                    "nomap": False,
                    "reusable": True,
                    "pool": "cma",
                    "driver": None,
                    "outcome": str(Outcome.PLACED),
                    "exactness": str(area.exactness),
                    "why": area.why,
                }
            )
    return rows


def finding_row(finding: Finding) -> Row:
    """Return the row of a finding."""
    return {
        "code": finding.code,
        "slug": finding.slug,
        "severity": str(finding.severity),
        "path": finding.path,
        "prop": finding.prop,
        "message": finding.message,
        "fix": finding.fix,
        "scenes": list(finding.scenes),
    }


def _region(scene: str, region: PlacedRegion) -> Row:
    return {
        "scene": scene,
        "path": region.path,
        "name": region.name,
        "region_kind": str(region.kind),
        "base": hex(region.base) if region.base is not None else None,
        "size": hex(region.size) if region.size is not None else None,
        "nomap": region.nomap,
        "reusable": region.reusable,
        "pool": region.pool,
        "driver": region.driver,
        "outcome": str(region.outcome),
        "exactness": str(region.exactness),
        "why": region.why,
    }


def _is_placed(region: PlacedRegion) -> bool:
    return region.outcome is Outcome.PLACED


def _beyond(boot: Boot) -> int:
    end = max((bank.end for bank in boot.scene.memory), default=None)
    if end is None or not boot.ram_known:
        return 0
    return sum(
        region.kind is RegionKind.STATIC
        and region.base is not None
        and region.base >= end
        and _is_placed(region)
        for region in boot.regions
    )

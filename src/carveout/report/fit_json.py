# SPDX-License-Identifier: Apache-2.0
"""How well a board's requests fit, as JSON, schema carveout.fit/1: addresses and sizes are hexadecimal strings.

Fields are added, never renamed or dropped, without a new schema number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.fit_ram import ASSUMED
from carveout.report.change_page import notes_of, scene_values, weakest

if TYPE_CHECKING:
    from carveout.change.fit import Fit
    from carveout.change.fit_moves import Move
    from carveout.change.fit_ram import LeastRam
    from carveout.change.fit_sizes import Growth
    from carveout.report.map_json import Json
    from carveout.span import Span

SCHEMA = "carveout.fit/1"


def render_fit_json(found: Fit) -> str:
    """Return the result as indented JSON text in ASCII."""
    from json import dumps  # only this format needs it

    value: dict[str, Json] = {
        "schema": SCHEMA,
        "scenes": [*scene_values(found.boots, found.scenes)],
        "least_ram": [_ram(found, least) for least in found.least_ram],
        "requests": [_growth(growth) for growth in found.growths],
        "moves": [_move(move) for move in found.moves],
        "exactness": str(weakest(found.boots)),
        "boots": found.cost,
        "most_boots": found.most,
        "not_searched": [*found.left_out],
        "notes": [*notes_of(found.boots, found.scenes)],
    }
    return dumps(value, indent=1) + "\n"


def _ram(found: Fit, least: LeastRam) -> dict[str, Json]:
    return {
        "scenes": [found.scenes[index] for index in least.group.scenes],
        "now": hex(least.group.total),
        "least": _hex(least.least),
        "step": hex(least.step),
        "why": [*least.why],
        "for_placed": _hex(least.for_placed),
        "also_works": [hex(size) for size in least.also_works],
        "fails_above": [hex(size) for size in least.fails_above],
        "assumed": ASSUMED,
    }


def _growth(growth: Growth) -> dict[str, Json]:
    request = growth.request
    return {
        "subject": request.subject,
        "changed": str(request.way),
        "size": hex(request.size),
        "placed": request.is_placed,
        "pool": request.pool,
        "step": hex(request.step),
        "largest": _hex(growth.largest),
        "slack": _hex(growth.slack),
        "stopped_by": [*growth.stopped_by],
        "also_works": [hex(size) for size in growth.also_works],
        "fails_below": [hex(size) for size in growth.fails_below],
        "least_ram": [_hex(size) for size in growth.least_ram],
    }


def _move(move: Move) -> dict[str, Json]:
    return {
        "path": move.path,
        "from": _span(move.span),
        "to": _span(move.to),
        "largest_free_before": hex(move.largest_before),
        "largest_free_after": hex(move.largest_after),
        "placed": [*move.placed],
        "moves": [*move.moves],
    }


def _span(span: Span) -> dict[str, Json]:
    return {"base": hex(span.start), "size": hex(span.size)}


def _hex(value: int | None) -> str | None:
    return None if value is None else hex(value)

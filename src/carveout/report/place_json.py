# SPDX-License-Identifier: Apache-2.0
"""Places for new regions as JSON, schema carveout.place/1: addresses and sizes are hexadecimal strings, counts numbers.

Fields are added, never renamed or dropped, without a new schema number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.place_node import region_path
from carveout.report.change_page import notes_of, scene_values, weakest
from carveout.report.place_words import (
    answer_reasons,
    on_early,
    place_reasons,
    refusal_reasons,
    spare_ranges,
)
from carveout.span import Span

if TYPE_CHECKING:
    from carveout.change.place import Placement
    from carveout.change.place_judge import Verdict
    from carveout.change.request import Wanted
    from carveout.report.map_json import Json

SCHEMA = "carveout.place/1"


def render_place_json(placement: Placement, *, chosen: int = 1, addition: str = "") -> str:
    """Return the answers as indented JSON text in ASCII. chosen, addition: as for the text."""
    from json import dumps  # only this format needs it

    boots = placement.answers[0].trial.boots if placement.answers else placement.boots
    value: dict[str, Json] = {
        "schema": SCHEMA,
        "scenes": [*scene_values(placement.boots, placement.scenes)],
        "requests": [_request(wanted) for wanted in placement.wanted],
        "answers": [_answer(placement, verdict) for verdict in placement.answers],
        "why_none": [] if placement.answers else [*refusal_reasons(placement)],
        "chosen": chosen if placement.answers else None,
        "to_add": addition or None,
        "search": {
            "layouts": placement.search.tried,
            "boots": placement.search.boots,
            "most_boots": placement.search.most_boots,
            "complete": placement.search.is_complete,
        },
        "notes": [*notes_of(boots, placement.scenes)],
    }
    return dumps(value, indent=1) + "\n"


def _request(wanted: Wanted) -> dict[str, Json]:
    request = wanted.request
    return {
        "name": wanted.name,
        "size": hex(wanted.size),
        "align": hex(wanted.align),
        "within": [_span(span) for span in request.within],
        "dma_bits": request.dma_bits,
        "for": request.device,
        "kind": str(request.kind),
        "reach": [_span(window.span) for window in wanted.reach.windows],
        "bus": wanted.reach.bus,
    }


def _answer(placement: Placement, verdict: Verdict) -> dict[str, Json]:
    return {
        "regions": [
            {
                "name": wanted.name,
                "path": region_path(placement.parent, wanted, base),
                "base": hex(base),
                "size": hex(wanted.size),
                "device_address": _device_address(wanted, base),
                "displaces": on_early(placement, Span.sized(base, wanted.size)),
                "why": [*place_reasons(placement, verdict, index)],
            }
            for index, (wanted, base) in enumerate(zip(placement.wanted, verdict.layout, strict=True))
        ],
        "exactness": str(weakest(verdict.trial.boots)),
        "why": [*answer_reasons(placement, verdict)],
        "moves": [
            {
                "scene": placement.scenes[found.scene],
                "subject": found.effect.subject,
                "from": _span(found.effect.before),
                "to": _span(found.effect.after),
            }
            for found in verdict.effects
        ],
        "largest_free": [hex(size) for size in spare_ranges(verdict)],
    }


def _device_address(wanted: Wanted, base: int) -> str | None:
    offset = wanted.reach.offset_at(Span.sized(base, wanted.size))
    return None if offset is None or wanted.reach.has_iommu else hex(base + offset)


def _span(span: Span | None) -> Json:
    return None if span is None else {"base": hex(span.start), "size": hex(span.size)}

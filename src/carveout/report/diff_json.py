# SPDX-License-Identifier: Apache-2.0
"""Two boots set side by side as JSON, schema carveout.diff/1.

The two maps are there in full, as in carveout.map/1; the differences refer to their regions by path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.diff_words import verb_of
from carveout.report.layout import lay_out
from carveout.report.map_json import map_value

if TYPE_CHECKING:
    from carveout.boot import Boot
    from carveout.boot.result import CmaArea, ConsumerResult, PlacedRegion
    from carveout.change.difference import Difference, RegionPair
    from carveout.report.map_json import Json

SCHEMA = "carveout.diff/1"


def render_json(difference: Difference) -> str:
    """Return the differences as indented JSON text in ASCII, ended by a newline."""
    from json import dumps  # only this format needs it

    value: dict[str, Json] = {
        "schema": SCHEMA,
        "differs": difference.differs,
        "scene": [
            {
                "name": pair.name,
                "before": pair.before.value if pair.before else None,
                "after": pair.after.value if pair.after else None,
            }
            for pair in difference.scene
        ],
        "regions": [_region(pair) for pair in difference.changed_regions],
        "same": [pair.after.path for pair in difference.regions if pair.after and not pair.differs],
        "cma": [
            {"before": _area(pair.before), "after": _area(pair.after)} for pair in difference.changed_areas
        ],
        "consumers": [
            {"before": _consumer(pair.before), "after": _consumer(pair.after)}
            for pair in difference.consumers
        ],
        "memory": {"before": _memory(difference.before), "after": _memory(difference.after)},
        "log": [{"sign": sign, "line": line} for sign, line in difference.log],
        "before": map_value(difference.before),
        "after": map_value(difference.after),
    }
    return dumps(value, indent=1) + "\n"


def _region(pair: RegionPair) -> Json:
    return {
        "change": verb_of(pair),
        "moved": pair.is_moved,
        "resized": pair.is_resized,
        "renamed": pair.is_renamed,
        "attributes": list(pair.attributes),
        "before": _placed(pair.before),
        "after": _placed(pair.after),
    }


def _placed(region: PlacedRegion | None) -> Json:
    if region is None:
        return None
    return {
        "path": region.path,
        "base": None if region.base is None else hex(region.base),
        "size": None if region.size is None else hex(region.size),
        "outcome": str(region.outcome),
        "exactness": str(region.exactness),
    }


def _area(area: CmaArea | None) -> Json:
    if area is None:
        return None
    return {
        "name": area.name,
        "base": hex(area.base),
        "size": hex(area.size),
        "default": area.is_default,
        "region": area.from_region,
        "activated": area.activated,
        "exactness": str(area.exactness),
    }


def _consumer(use: ConsumerResult | None) -> Json:
    if use is None:
        return None
    return {
        "path": use.path,
        "index": use.index,
        "region": use.region,
        "errno": use.errno,
        "bound_by": use.bound_by,
        "enabled": use.enabled,
    }


def _memory(result: Boot) -> Json:
    sums = lay_out(result).totals
    if sums is None:
        return None
    return {
        "ram": hex(sums.ram),
        "nomap": hex(sums.nomap),
        "reserved": hex(sums.reserved),
        "cma": hex(sums.cma),
        "left": hex(sums.system),
    }

# SPDX-License-Identifier: Apache-2.0
"""What `pin` did or why it could not, as text and as JSON (schema carveout.pin/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.change.difference import compare
from carveout.report.layout import lay_out
from carveout.report.words import outcome_text, safe
from carveout.span import Span
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from carveout.boot.result import CmaArea, PlacedRegion
    from carveout.change.difference import Difference
    from carveout.change.pin import Pin, PinnedRegion
    from carveout.report.map_json import Json

SCHEMA = "carveout.pin/1"


def render_text(pin: Pin, *, name: str) -> str:
    """Return what was done, where each scene's kernel would have put the regions, and what else changes."""
    lines = [f"{safe(name)}: {_headline(pin)}"]
    lines += [f"  {safe(reason, limit=1000)}" for reason in pin.reasons]
    lines += _regions(pin)
    lines += [f"  {safe(path)}  left as it is: {safe(why, limit=1000)}" for path, why in pin.left]
    if pin.proposal is not None and pin.regions:
        lines += _checked(pin)
    return "".join(line + "\n" for line in lines)


def notes_of(pin: Pin) -> dict[str, str]:
    """Return a comment for each pinned node, by path, for source text."""
    return {
        region.path: "; modelled: ".join([_choice(region, pin), *_doubts(region)]) for region in pin.regions
    }


def title_of(pin: Pin) -> str:
    """Return one line that says what the change is, for source text."""
    return f"carveout pin: {_scenes(pin)}"


def render_json(pin: Pin) -> str:
    """Return the result as indented JSON text, ended by a newline."""
    from json import dumps  # only this format needs it

    value: dict[str, Json] = {
        "schema": SCHEMA,
        "pinned": pin.proposal is not None,
        "reasons": list(pin.reasons),
        "regions": [
            {
                "path": region.path,
                "base": hex(region.place.start),
                "size": hex(region.place.size),
                "kernels_choice": region.is_kernels_choice,
                "scenes": [
                    {
                        "scene": named.name,
                        "base": None if found is None or found.base is None else hex(found.base),
                        "outcome": None if found is None else str(found.outcome),
                        "exactness": None if found is None else str(found.exactness),
                    }
                    for named, found in zip(pin.scenes, region.before, strict=True)
                ],
            }
            for region in pin.regions
        ],
        "left": [{"path": path, "why": why} for path, why in pin.left],
        "also": list(_also(pin)),
        "trials": pin.trials,
    }
    return dumps(value, indent=1) + "\n"


def _headline(pin: Pin) -> str:
    if pin.proposal is None:
        return "not pinned"
    if not pin.regions:
        return "no dynamic region to pin"
    count = len(pin.regions)
    what = "1 region" if count == 1 else f"{count} regions"
    if all(region.is_kernels_choice for region in pin.regions):
        return f"{what} pinned where the kernel puts {'it' if count == 1 else 'them'} ({_scenes(pin)})"
    return f"{what} pinned where it is good in every scene ({_scenes(pin)})"


def _scenes(pin: Pin) -> str:
    kernels = dict.fromkeys((result.scene.kernel, result.scene.arch) for result in pin.before.boots)
    if len(pin.scenes) == 1:
        return ", ".join(f"Linux {kernel}, {arch}" for kernel, arch in kernels)
    return ", ".join(named.name for named in pin.scenes)


def _regions(pin: Pin) -> Iterator[str]:
    width = max((len(safe(region.path)) for region in pin.regions), default=0)
    for region in pin.regions:
        place = f"{format_range(region.place)}  {format_size(region.place.size)}"
        yield f"  {safe(region.path):<{width}}  {place}"
        if not region.is_kernels_choice:
            yield f"    {_choice(region, pin)}"
    about: dict[str, list[str]] = {}
    for region in pin.regions:
        for why in _doubts(region):
            about.setdefault(why, []).append(region.path)
    for why, paths in about.items():
        whose = "" if len(paths) == len(pin.regions) else f" ({', '.join(paths)})"
        yield f"  modelled: {safe(why + whose, limit=1000)}"


def _doubts(region: PinnedRegion) -> tuple[str, ...]:
    found = (found for found in region.before if found is not None)
    return tuple(dict.fromkeys(one.why for one in found if one.exactness is not Exactness.EXACT))


def _choice(region: PinnedRegion, pin: Pin) -> str:
    if region.is_kernels_choice:
        return f"where the kernel puts it: {_scenes(pin)}"
    parts = [f"{named.name}: {_where(found)}" for named, found in zip(pin.scenes, region.before, strict=True)]
    bases = {found.base if found is not None else None for found in region.before}
    what = "the kernels differ" if len(bases) > 1 else "the kernel's own place does not do as a fixed one"
    return f"{what} ({'; '.join(parts)})"


def _where(found: PlacedRegion | None) -> str:
    if found is None:
        return "not a region"
    if found.base is None:
        return outcome_text(found)
    return f"0x{found.base:x}" + ("" if found.outcome is Outcome.PLACED else f", {outcome_text(found)}")


def _checked(pin: Pin) -> Iterator[str]:
    count = len(pin.scenes)
    where = "booted again" if count == 1 else f"booted again in {count} scenes"
    tries = "" if pin.trials == 1 else f" ({pin.trials} arrangements were tried)"
    if all(region.is_kernels_choice for region in pin.regions):
        yield f"{where}: every region is at the same place{tries}"
    else:
        yield f"{where}: every pinned region is at its place, every other where it was{tries}"
    yield from (f"also: {text}" for text in _also(pin))


def _also(pin: Pin) -> Iterator[str]:
    # What else comes out otherwise, each once, with the scenes.
    if pin.after is None or not pin.regions:
        return
    places = {region.path: region.place for region in pin.regions}
    found: dict[str, list[str]] = {}
    for named, before, after in zip(pin.scenes, pin.before.boots, pin.after.boots, strict=True):
        for text in side_effects(compare(before, after), places):
            found.setdefault(text, []).append(named.name)
    for text, names in found.items():
        yield text if len(names) == len(pin.scenes) else f"{text} ({', '.join(names)})"


def side_effects(difference: Difference, places: Mapping[str, Span]) -> Iterator[str]:
    """Say what else a change does beside giving regions these places, as sentences."""
    for pair in difference.changed_areas:
        area = pair.after or pair.before
        if area is None:
            continue
        is_promised = pair.before is not None and pair.after is not None and area.from_region in places
        if is_promised and _role(pair.before) == _role(pair.after):
            continue
        late = pair.before is None and area.from_region is None
        why = (
            "; this kernel does not find a fixed default pool in time, and makes an area of its own"
            if late
            else ""
        )
        yield f"contiguous area {safe(area.name)}: {_area(pair.before)}, then {_area(pair.after)}{why}"
    for found in difference.changed_regions:
        old, new = found.before, found.after
        if old is not None and new is not None and old.base is None and new.base is not None:
            yield f"{safe(new.path)}: {outcome_text(old)}, then at 0x{new.base:x}"
    rooms = [lay_out(result).totals for result in (difference.before, difference.after)]
    if rooms[0] is not None and rooms[1] is not None:
        more = rooms[1].system - rooms[0].system
        # Whole pages come and go with the alignment of early allocations; that is not worth a line.
        if abs(more) >= difference.after.scene.page_size * 16:
            yield f"the system has {format_size_about(abs(more))} {'more' if more > 0 else 'less'}"
    for use in difference.consumers:
        if use.before is not None and use.after is not None and use.before.bound_by != use.after.bound_by:
            yield (
                f"{safe(use.after.path)}: bound to {use.before.bound_by or 'nothing'}, then to "
                f"{use.after.bound_by or 'nothing'}"
            )


def _role(area: CmaArea | None) -> tuple[bool, bool] | None:
    return None if area is None else (area.is_default, area.activated)


def _area(area: CmaArea | None) -> str:
    if area is None:
        return "none"
    text = format_range(Span.sized(area.base, area.size))
    words = [
        word for word, is_so in (("default", area.is_default), ("not usable", not area.activated)) if is_so
    ]
    return f"{text} ({', '.join(words)})" if words else text

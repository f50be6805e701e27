# SPDX-License-Identifier: Apache-2.0
"""How well a board's requests fit, as text: a table of what could grow, the least RAM, what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.fit_ram import ASSUMED
from carveout.report.change_page import Page, notes_of
from carveout.report.words import row_size, shorten
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.change.fit import Fit
    from carveout.change.fit_moves import Move
    from carveout.change.fit_ram import LeastRam
    from carveout.change.fit_sizes import Growth
    from carveout.report.terminal import Terminal

_MAX_NAME = 34
_MOVES_SHOWN = 5
_SHOWN = 3


def render_fit_text(found: Fit, *, title: str, terminal: Terminal) -> str:
    """Return the result as text."""
    page = Page(terminal)
    page.title(title, found.boots)
    for least in found.least_ram:
        _ram(page, found, least)
    if found.growths:
        _growths(page, found.growths)
    _moves(page, found.moves)
    for subject in found.left_out:
        page.add(
            f"not searched, since the boots allowed were used up: {subject} (--boots N allows more)",
            role="warning",
        )
    page.add()
    page.add(f"{found.cost} of at most {found.most} boots", role="dim")
    page.notes(notes_of(found.boots, found.scenes))
    return page.text()


def _ram(page: Page, found: Fit, least: LeastRam) -> None:
    scenes = [found.scenes[index] for index in least.group.scenes]
    which = f" ({', '.join(scenes)})" if len(found.least_ram) > 1 else ""
    page.heading(f"The least RAM{which}")
    total = least.group.total
    if least.least is None:
        page.add(f"not searched: {least.why[0]}", indent=2)
        return
    less = (
        f", {format_size_about(total - least.least)} less than now"
        if least.least < total
        else ": what there is now"
    )
    page.add(f"{format_size(least.least)}{less}", indent=2, role="region")
    for text in least.why[:_SHOWN]:
        page.add(f"with {format_size(least.step)} less {text}", indent=4, first="- ")
    if least.for_placed is not None:
        page.add(
            f"but for regions with reg, {format_size(least.for_placed)} would do: all that the kernel places has a place",
            indent=4,
            first="- ",
        )
    if least.also_works:
        amounts = ", ".join(format_size(size) for size in least.also_works[:_SHOWN])
        page.add(f"smaller amounts happen to work too, of those tried: {amounts}", indent=4, first="- ")
    if least.fails_above:
        amounts = ", ".join(format_size(size) for size in least.fails_above[:_SHOWN])
        page.add(
            f"larger amounts that do not work, of those tried: {amounts}",
            indent=4,
            first="- ",
            role="warning",
        )
    page.add(f"assumed: {ASSUMED}", indent=4, first="- ")


def _growths(page: Page, growths: Sequence[Growth]) -> None:
    page.heading("How large each could be, the others as they are")
    names = [shorten(growth.request.subject.rpartition("/")[2], _MAX_NAME) for growth in growths]
    width = max(len(name) for name in names)
    page.add_row(f"{'':<{width}}  {'now':>10}  {'could be':>10}  {'slack':>11}  {'alone needs RAM':>15}")
    for name, growth in zip(names, growths, strict=True):
        now = row_size(growth.request.size)
        could = "-" if growth.largest is None else row_size(growth.largest)
        needs = ", ".join("-" if size is None else row_size(size) for size in growth.least_ram)
        page.add_row(f"{name:<{width}}  {now:>10}  {could:>10}  {_slack(growth):>11}  {needs:>15}")
        _limits(page, growth)


def _slack(growth: Growth) -> str:
    slack = growth.slack
    if slack is None:
        return "no place"
    sign = "+" if slack > 0 else "-" if slack < 0 else ""
    return f"{sign}{row_size(abs(slack))}" if slack else "none"


def _limits(page: Page, growth: Growth) -> None:
    step = format_size(growth.request.step)
    if not growth.request.is_placed:
        page.add("has no place as it is", indent=6, role="error")
    for text in growth.stopped_by[:1]:
        page.add(f"{step} more: {text}" if growth.largest is not None else text, indent=6, role="dim")
    if growth.also_works:
        sizes = ", ".join(format_size(size) for size in growth.also_works[:_SHOWN])
        page.add(f"larger sizes happen to work too, of those tried: {sizes}", indent=6)
    if growth.fails_below:
        sizes = ", ".join(format_size(size) for size in growth.fails_below[:_SHOWN])
        page.add(f"smaller sizes that do not work, of those tried: {sizes}", indent=6, role="warning")


def _moves(page: Page, moves: Sequence[Move]) -> None:
    page.heading("Regions with reg that would free the most, were they elsewhere")
    if not moves:
        page.add("none: moving any one of them leaves no larger free range", indent=2)
        return
    for move in moves[:_MOVES_SHOWN]:
        page.add(
            f"{move.path} from {format_range(move.span)} to {format_range(move.to)}", indent=2, role="region"
        )
        then, now = format_size_about(move.largest_after), format_size_about(move.largest_before)
        if then == now and move.gain > 0:  # too little to be seen in rounded sizes
            then = f"{format_size_about(move.gain)} larger"
        page.add(f"the largest free range is {then} then, {now} now", indent=4, first="- ")
        if move.placed:
            page.add(f"{', '.join(move.placed)} finds a place then, and does not now", indent=4, first="- ")
        if move.moves:
            page.add(f"moves too: {', '.join(move.moves[:_SHOWN])}", indent=4, first="- ")
    if len(moves) > _MOVES_SHOWN:
        page.add(f"and {len(moves) - _MOVES_SHOWN} more (--format json lists them)", indent=2)
    page.add("whether their users can follow is not in the tree; firmware often cannot", indent=2, role="dim")

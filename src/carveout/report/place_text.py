# SPDX-License-Identifier: Apache-2.0
"""Places for new regions as text: the answers, best first, each with its reasons, and what to add to the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness
from carveout.report.change_page import Page, notes_of, weakest
from carveout.report.place_words import answer_reasons, asked, place_reasons, refusal_reasons
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.change.place import Placement
    from carveout.change.place_judge import Verdict
    from carveout.report.terminal import Terminal


def render_place_text(
    placement: Placement, *, title: str, terminal: Terminal, chosen: int = 1, addition: str = ""
) -> str:
    """Return the answers as text. chosen: the number of the answer that `addition`, source to add, is for."""
    page = Page(terminal)
    boots = placement.answers[0].trial.boots if placement.answers else placement.boots
    page.title(title, boots)
    page.add()
    for wanted in placement.wanted:
        page.add(asked(wanted), first=f"{wanted.name}: ")
    if not placement.answers:
        page.heading("There is no room")
        for reason in refusal_reasons(placement):
            page.add(reason, indent=2, first="- ")
    for number, verdict in enumerate(placement.answers, start=1):
        _answer(page, placement, verdict, number)
    if addition:
        page.heading(f"To add, for answer {chosen}")
        page.verbatim(addition, indent=2)
    search = placement.search
    page.add()
    page.add(
        f"{search.tried} layout{'s' if search.tried != 1 else ''} tried in {len(placement.scenes)} "
        f"scene{'s' if len(placement.scenes) != 1 else ''}: {search.boots} of at most {search.most_boots} boots",
        role="dim",
    )
    page.notes(notes_of(boots, placement.scenes))
    return page.text()


def _answer(page: Page, placement: Placement, verdict: Verdict, number: int) -> None:
    exactness = weakest(verdict.trial.boots)
    page.heading(f"Answer {number}" + ("" if exactness is Exactness.EXACT else f" ({exactness})"))
    for index, (wanted, base) in enumerate(zip(placement.wanted, verdict.layout, strict=True)):
        place = Span.sized(base, wanted.size)
        page.add(
            f"{format_range(place)}  {format_size(place.size)}  {wanted.name}@{base:x}",
            indent=2,
            role="region",
        )
        for reason in place_reasons(placement, verdict, index):
            page.add(reason, indent=4, first="- ")
    for reason in answer_reasons(placement, verdict):
        page.add(reason, indent=2 if len(placement.wanted) > 1 else 4, first="- ")

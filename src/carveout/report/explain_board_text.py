# SPDX-License-Identifier: Apache-2.0
"""An explanation as text: the answer first, then what was asked for, what was tried, who uses it, what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.explain.model import Kind
from carveout.report.terminal import Terminal, wrap
from carveout.report.words import consumer_use, errno_name, safe, scene_line, verdict
from carveout.units import format_address, format_range, format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.change.remedies import Remedy
    from carveout.explain.model import Attempt, Explanation, OtherKernel, Piece, RangeTried, Reason, StepTaken

_RANGES_SHOWN = 4
_PIECES_SHOWN = 16
_REMEDIES_SHOWN = 6
_USES_SHOWN = 8
_REASONS_SHOWN = 8
_UNSERVED_SHOWN = 2
_MOVES_SHOWN = 4
_INDENT = "  "


def render_explanation(
    explanation: Explanation, *, title: str, terminal: Terminal, with_steps: bool = False
) -> str:
    """Return an explanation as lines of text, each ended by a newline.

    title: what was simulated, for example the file name. with_steps: everything that is known, not the short form.
    """
    page = _Page(terminal, with_steps=with_steps)
    page.say(title)
    page.say(f"{scene_line(explanation.boot)}: {_exactness(explanation)}")
    page.gap()
    page.explanation(explanation)
    dead = verdict(explanation.boot)
    if dead is not None:
        page.gap()
        page.say(dead)
    return page.text()


def _exactness(explanation: Explanation) -> str:
    return {
        Exactness.EXACT: "exact",
        Exactness.MODELLED: "modelled, see below",
        Exactness.UNKNOWN: "unknown, see below",
    }[explanation.exactness]


class _Page:
    # Lines of text, wrapped to the terminal, and made harmless.

    def __init__(self, terminal: Terminal, *, with_steps: bool) -> None:
        self._terminal = terminal
        self._all = with_steps
        self._lines: list[str] = []

    def text(self) -> str:
        return "".join(line.rstrip() + "\n" for line in self._lines)

    # ---- lines ----------------------------------------------------------------------------------------------
    def say(self, text: str, *, level: int = 0, role: str = "") -> None:
        shown = safe(text, ascii_only=self._terminal.ascii_only, limit=2000)
        indent = _INDENT * level
        for number, line in enumerate(wrap(shown, self._terminal.width - len(indent) - 2)):
            self._lines.append(indent + ("  " if number else "") + self._terminal.paint(role, line))

    def gap(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def heading(self, text: str) -> None:
        self.gap()
        self._lines.append(self._terminal.paint("heading", text))

    def reasons(self, heading: str, reasons: Sequence[Reason]) -> None:
        if not reasons:
            return
        self.heading(heading)
        shown = reasons if self._all else reasons[:_REASONS_SHOWN]
        for reason in shown:
            self.say(_reason(reason), level=1)
        self._more(len(reasons) - len(shown), "reasons")

    def _more(self, count: int, what: str, level: int = 1) -> None:
        if count > 0:
            self.say(f"({count} more {what}: --steps)", level=level, role="dim")

    # ---- the whole --------------------------------------------------------------------------------------------
    def explanation(self, it: Explanation, *, is_part: bool = False, of_device: bool = False) -> None:
        for sentence in it.answer:
            self.say(sentence)
        self._pieces(it)
        if self._all or not (it.kind is Kind.DEVICE or of_device):
            self.reasons("Asked for", it.asked)
        self._attempts(it)
        self.reasons("What happened", it.reasons)
        if self._all or not (it.kind is Kind.DEVICE or of_device):
            self._uses(it)
        self._remedies(it)
        if self._all:
            self._steps(it.steps)
        for part in self._parts(it):
            self.heading(f"The region {part.subject}")
            self.explanation(part, is_part=True, of_device=it.kind is Kind.DEVICE)
        self._kernels(it.kernels)
        if it.doubts and not is_part:
            self.heading("Why it is not exact")
            for doubt in it.doubts:
                self.say(doubt, level=1)

    def _parts(self, it: Explanation) -> list[Explanation]:
        # Of a device whose regions are all right, each region is a question of its own.
        if it.kind is not Kind.DEVICE or self._all:
            return list(it.parts)
        failing = {use.region for use in it.uses if use.errno is not None}
        return [
            part
            for part in it.parts
            if part.subject in failing
            or (part.region is not None and part.region.outcome is not Outcome.PLACED)
        ]

    # ---- a search -----------------------------------------------------------------------------------------------
    def _attempts(self, it: Explanation) -> None:
        for number, attempt in enumerate(it.attempts, 1):
            what = f"Search {number} of {len(it.attempts)}" if len(it.attempts) > 1 else "Where it looked"
            self.heading(what)
            self.say(_reason(attempt.window_why), level=1)
            self.say(_reason(attempt.direction_why), level=1)
            self._ranges(attempt)
        if it.attempts_left_out:
            self.say(f"({it.attempts_left_out} more searches are left out)", level=1, role="dim")

    def _ranges(self, attempt: Attempt) -> None:
        shown = set(range(len(attempt.tried)))
        if not self._all and len(shown) > _RANGES_SHOWN:
            by_size = sorted(
                shown, key=lambda n: (not attempt.tried[n].is_taken, -attempt.tried[n].span.size)
            )
            shown = set(by_size[:_RANGES_SHOWN])
        if not attempt.tried:
            self.say("nothing is free there", level=1)
        skipped = 0
        for number, tried in enumerate(attempt.tried):
            if number not in shown:
                skipped += 1
                continue
            self._smaller(skipped)
            skipped = 0
            self._range(attempt, tried)
        self._smaller(skipped)

    def _smaller(self, count: int) -> None:
        if count:
            ranges = "one free range" if count == 1 else f"{count} free ranges"
            self.say(f"{ranges} smaller than those shown: too small (--steps)", level=2, role="dim")

    def _range(self, attempt: Attempt, tried: RangeTried) -> None:
        between = f"between {_short(tried.below.who)} and {_short(tried.above.who)}"
        head = f"{format_range(tried.span)}, {format_size_about(tried.span.size)}"
        if tried.is_taken:
            self.say(f"{head}: {_taken(attempt, tried)}; {between}", level=2, role="region")
        elif tried.missing:
            once = "" if tried.usable == tried.span.size else " once aligned"
            self.say(f"{head}: {format_size_about(tried.missing)} too small{once}; {between}", level=2)
        else:
            self.say(
                f"{head}: no base in it that the alignment mask 0x{attempt.align:x} allows; {between}",
                level=2,
            )

    # ---- who uses it ----------------------------------------------------------------------------------------------
    def _uses(self, it: Explanation) -> None:
        if not it.uses:
            return
        self.heading("Who uses it")
        shown = it.uses if self._all else it.uses[:_USES_SHOWN]
        for use in shown:
            got = f" fails with {errno_name(use.errno)}" if use.errno is not None else " gets it"
            # Of a disabled region there is nothing to be had, and no error either: the message says so.
            if use.errno is None and (use.base is None or not it.boot.ram_known):
                got = ""
            self.say(f"{consumer_use(use)}{got}" + (f": {use.message}" if use.message else ""), level=1,
                     role="error" if use.errno is not None else "")  # fmt: skip
        self._more(len(it.uses) - len(shown), "users")

    # ---- an address or a span -------------------------------------------------------------------------------------
    def _pieces(self, it: Explanation) -> None:
        if not it.pieces:
            return
        if it.kind is Kind.ADDRESS:
            self.reasons("How it came to be", it.pieces[0].history or ())
            return
        self.heading("From low to high")
        shown = it.pieces if self._all else it.pieces[:_PIECES_SHOWN]
        for piece in shown:
            self.say(
                f"{format_range(piece.span)}, {format_size_about(piece.span.size)}: {_piece(it, piece)}",
                level=1,
            )
            last = (
                (piece.since,)
                if piece.since is not None and piece.what not in ("free", "no RAM", "not known")
                else ()
            )
            for reason in piece.history if self._all else last:
                self.say(_reason(reason), level=2, role="dim")
        self._more(len(it.pieces) - len(shown), "pieces")
        if it.pieces_rest is not None:
            self.say(
                f"({format_range(it.pieces_rest)} is left out: ask for it by itself)", level=1, role="dim"
            )

    # ---- what would help ------------------------------------------------------------------------------------------
    def _remedies(self, it: Explanation) -> None:
        if not it.remedies_tried:
            return
        self.heading("What would help (each of these was booted)")
        shown = it.remedies if self._all else it.remedies[:_REMEDIES_SHOWN]
        for remedy in shown:
            self._remedy(remedy)
        self._more(len(it.remedies) - len(shown), "changes")
        if not it.remedies:
            changes = "one change was" if it.remedies_tried == 1 else f"{it.remedies_tried} changes were"
            self.say(f"nothing that was tried: {changes} booted, and none helps", level=1)

    def _remedy(self, remedy: Remedy) -> None:
        pool = {"cma": ", a CMA pool", "dma": ", a coherent DMA pool"}.get(remedy.pool or "", "")
        sure = "" if remedy.exactness is Exactness.EXACT else f" ({remedy.exactness})"
        self.say(f"- {remedy.what}: it is then at {format_address(remedy.base)}{pool}{sure}", level=1)
        if remedy.change.caution:
            self.say(remedy.change.caution, level=3, role="dim")
        for use in remedy.unserved[:_UNSERVED_SHOWN]:
            still = f"but {consumer_use(use)} still gets {errno_name(use.errno or 0)}"
            self.say(still + (f": {use.message}" if use.message else ""), level=3, role="warning")
        if remedy.moves:
            moved = [f"{_short(path)} to {format_address(after)}" for path, _, after in remedy.moves]
            rest = f" and {len(moved) - 4} more" if len(moved) > 4 else ""
            self.say(f"this moves {', '.join(moved[:4])}{rest}", level=3, role="dim")

    # ---- other kernels ----------------------------------------------------------------------------------------------
    def _kernels(self, kernels: Sequence[OtherKernel]) -> None:
        if not kernels:
            return
        self.heading("Other kernels, as Debian builds them" if self._all else "Other kernels")
        same = [other.kernel for other in kernels if other.is_same]
        if same:
            self.say(f"{', '.join(same)}: the same", level=1)
        for other in kernels:
            if other.is_same:
                continue
            sure = "" if other.exactness in (Exactness.EXACT, None) else f" ({other.exactness})"
            self.say(f"{other.kernel}: {other.text}{sure}", level=1)
            for number, cause in enumerate(other.causes):
                self.say(("and " if number else "because ") + cause, level=2, role="dim")

    # ---- everything -------------------------------------------------------------------------------------------------
    def _steps(self, steps: Iterable[StepTaken]) -> None:
        listed = list(steps)
        if not listed:
            return
        self.heading("Steps of the boot that are about it")
        for taken in listed:
            step = taken.step
            place = ""
            if step.base is not None and step.size:
                place = f" 0x{step.base:x}+0x{step.size:x}"
            source = f" [{step.source}]" if step.source else ""
            self.say(f"{taken.number}: {step.kind}{place}: {step.reason}{source}", level=1)
            for line in taken.log:
                for part in line.split("\n"):
                    self.say(f"log: {part}", level=4, role="dim")


def _taken(attempt: Attempt, tried: RangeTried) -> str:
    base = format_address(attempt.found or 0)
    slack = tried.span.end - (attempt.found or 0) - attempt.size
    if attempt.bottom_up:
        return f"large enough; its start, aligned up to 0x{attempt.align:x}, gives {base}"
    if slack:
        return (
            f"large enough; its end less 0x{attempt.size:x}, aligned down to 0x{attempt.align:x}, gives {base} "
            f"({format_size(slack)} above stay free)"
        )
    return f"large enough; its end less 0x{attempt.size:x} gives {base}"


def _piece(it: Explanation, piece: Piece) -> str:
    words = [piece.what]
    if piece.nomap:
        words.append("no-map")
    if piece.area is not None and piece.area not in piece.what:
        words.append(f"in the contiguous area {piece.area}")
    if it.boot.ram_known and not piece.is_ram and piece.what != "no RAM":
        words.append("not in RAM")
    return ", ".join(words)


def _reason(reason: Reason) -> str:
    return f"{reason.text} [{reason.because}]" if reason.because else reason.text


def _short(who: str) -> str:
    # Nodes of /reserved-memory are known by their names.
    return ", ".join(part.removeprefix("/reserved-memory/") for part in who.split(", "))

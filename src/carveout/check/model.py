# SPDX-License-Identifier: Apache-2.0
"""What a rule is, what it reports, and what a change to a tree looks like."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from carveout.check.context import BoardContext, BootContext


class Severity(StrEnum):
    """How bad a finding is. Ordered by `rank`."""

    ERROR = "error"
    """The binding is broken, or memory ends up unprotected or unusable."""
    WARNING = "warning"
    """It works by luck, on some kernels, or not as meant."""
    NOTE = "note"
    """Good to know; shown on request."""

    @property
    def rank(self) -> int:
        """0 for an error, higher for what matters less."""
        return _RANKS[self]


_RANKS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class EditKind(StrEnum):
    """What a change does to a tree."""

    SET = "set"
    """Give a property a value; it is added when missing."""
    REMOVE = "remove"
    """Remove a property."""


class Edit(NamedTuple):
    """One change to one property. A fix is a list of these, applied in order."""

    kind: EditKind
    path: str
    name: str
    value: bytes = b""


class Problem(NamedTuple):
    """What a rule reports about one place of a tree."""

    path: str
    """The node it is about."""
    message: str
    """What is, what was expected, what follows. One or two sentences, no code, no place."""
    prop: str | None = None
    """The property it is about, for the line in a .dts."""
    fix: str | None = None
    """What to change, as a sentence, when the cure is certain."""
    edits: tuple[Edit, ...] = ()
    """The same as a change, when it can be made by machine."""
    related: tuple[str, ...] = ()
    """Paths of other nodes that have a part in it."""
    severity: Severity | None = None
    """Overrides the rule's severity for this one."""
    cause: str = ""
    """Tells two problems of one rule at one node apart; equal in all scenes in which the cause is the same."""


class Example(NamedTuple):
    """A tree that a rule's documentation shows and that the tests run.

    dts: device tree source, put into a small arm64 board with 1 GiB of RAM at 0x40000000, root cells 2/2 and
    an empty `/chosen`, unless `whole` says that it is a complete source.
    """

    dts: str
    kernel: str = "7.2"
    page_size: int = 4096
    arch: str = "arm64"
    cmdline: str | None = None
    whole: bool = False
    kernel_image: tuple[int, int] | None = (0x40200000, 0x2F00000)
    """(base, size)."""
    dtb_at: int | None = 0x48000000
    memory: tuple[tuple[int, int], ...] = ()
    """(base, size) of RAM, in place of the memory nodes."""
    initrd: tuple[int, int] | None = None
    efi: bool = False
    """Booted through EFI."""
    efi_map: str | None = None
    """The EFI memory map, as `efi=debug` prints it."""


class Rule(NamedTuple):
    """One rule. Its module's docstring is its documentation, with the headings of `HEADINGS`."""

    code: str
    """`CV` and three digits; never used again for something else."""
    slug: str
    """Lower case words with hyphens; reads well after `allow`."""
    severity: Severity
    summary: str
    """One sentence: what is wrong."""
    bad: tuple[Example, ...]
    """Trees in which the rule finds something."""
    good: tuple[Example, ...]
    """Trees in which it finds nothing."""
    board: Callable[[BoardContext], Iterable[Problem]] | None = None
    """The check on what the tree says."""
    boot: Callable[[BootContext], Iterable[Problem]] | None = None
    """The check on one simulated boot. A rule has one of the two."""
    covers: tuple[str, ...] = ()
    """Identifiers of the binding's list of rules that this one covers (`ST01`, `AD05`, …)."""
    is_about_run: bool = False
    """Found by the run itself (comments that allow nothing, for one): no check of its own, no examples."""


HEADINGS = (
    "What it checks",
    "Why it matters",
    "Kernel behaviour",
    "Example",
    "Fix",
    "Known limits",
    "References",
)
"""Headings of a rule's documentation, each followed by a line of hyphens, in this order."""


class Finding(NamedTuple):
    """A problem as it is shown: with its rule, its place in the source and the scenes in which it bites."""

    code: str
    slug: str
    severity: Severity
    path: str
    message: str
    file: str
    """The board, as it was named."""
    prop: str | None = None
    source: tuple[str, int, int, int, int] | None = None
    """(file, first line, first column, last line, last column) in a .dts; None for a blob."""
    fix: str | None = None
    edits: tuple[Edit, ...] = ()
    related: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    """Names of the scenes it was found in; empty when it does not depend on the scene."""
    said_of: str = ""
    """The scene whose numbers the message has, the worst one; empty: they are the same in all."""

    @property
    def bites(self) -> str:
        """The scenes as text, with the one whose numbers the message has if others have others."""
        return ", ".join(self.scenes) + (f" (the text is that of {self.said_of})" if self.said_of else "")

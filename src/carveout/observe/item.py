# SPDX-License-Identifier: Apache-2.0
"""One thing that was predicted, seen, or both: what a comparison is made of."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from carveout.observe.log_messages import Said

DEFAULT_AREA = "default CMA area"
RAM = "RAM"
KERNEL = "kernel"
CRASH_KERNEL = "crash kernel"
CONTIGUOUS = "contiguous areas"
RESERVED = "reserved memory"


class Standing(StrEnum):
    """How what was seen stands to what was predicted."""

    AGREES = "agrees"
    DIFFERS = "differs"
    ONLY_PREDICTED = "only-predicted"
    ONLY_SEEN = "only-seen"


class Contrast(NamedTuple):
    """One value of which seen and predicted are not the same, as text; None: not there."""

    field: str
    seen: str | None
    predicted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something differs, and how that is known."""

    kind: str
    """`cmdline`, `config`, `page-size`, `kernel`, `vendor`, `tree`, `firmware`, `scene`, `unknown`."""
    text: str
    evidence: tuple[str, ...] = ()
    is_tried: bool = False
    """A boot simulated with it shows what was seen."""
    others: tuple[str, ...] = ()
    """What would explain it as well, by boots that were tried too."""


UNKNOWN_CAUSE = Cause(kind="unknown", text="unknown: nothing that was tried shows what was seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One comparison."""

    subject: str
    """Name of a node, or one of the constants of this module."""
    what: str
    """The message's family, or what of another source: `iomem`, `memblock`, `cma`, `meminfo`, `total`."""
    standing: Standing
    decides: bool = True
    """Whether it counts: what a log does not cover cannot disagree."""
    seen: str | None = None
    predicted: str | None = None
    contrasts: tuple[Contrast, ...] = ()
    line: int | None = None
    """Line of the log."""
    source: str = "log"
    note: str = ""
    cause: Cause | None = None
    said: Said | None = None
    """The message that was seen."""
    expected: Said | None = None
    """The message that was predicted."""

    @property
    def is_difference(self) -> bool:
        """Whether seen and predicted disagree, and it counts."""
        return self.decides and self.standing is not Standing.AGREES

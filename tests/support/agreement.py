# SPDX-License-Identifier: Apache-2.0
"""Do the recorded boots and ours agree? Shared by tests/golden/test_boots.py and tools/compare_boots.py."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from carveout.boot.result import Exactness
from carveout.errors import UnsupportedProfile
from support.compare import Difference, compare, required
from support.recordings import KNOWN, recording, scene_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from carveout.board import Board
    from carveout.boot.result import Boot
    from support.compare import Kind
    from support.recordings import Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one recorded boot compares. Exactly one of exactness, unsupported and crash is not None."""

    id: str
    source: str
    arch: str
    release: str
    differences: tuple[Difference, ...] = ()
    """Of every kind; the required ones decide."""
    exactness: Exactness | None = None
    unsupported: str | None = None
    """Why this kernel cannot be simulated yet."""
    crash: str | None = None
    """The traceback of a simulation that failed: always our bug."""

    def problems(self, kinds: Collection[Kind] | None = None) -> list[str]:
        """Return one line for each reason why this boot does not agree."""
        wanted = required(self.arch) if kinds is None else kinds
        if self.crash is not None:
            return ["crash: " + self.crash.strip().splitlines()[-1]]
        if self.unsupported is not None:
            return ["unsupported: " + self.unsupported]
        return [str(difference) for difference in self.differences if difference.kind in wanted]


def judge(recorded: Recording) -> Verdict:
    """Simulate a recorded boot and compare. Never raises: a crash is part of the verdict."""
    try:
        boot = simulate(recorded)
        differences, exactness = tuple(compare(recorded, boot)), boot.exactness
    except UnsupportedProfile as error:
        return _verdict(recorded, unsupported=str(error))
    except Exception:  # noqa: BLE001 - one crash must not hide what the release's other boots do
        return _verdict(recorded, crash=traceback.format_exc())
    return _verdict(recorded, differences=differences, exactness=exactness)


def _verdict(
    recorded: Recording,
    *,
    differences: tuple[Difference, ...] = (),
    exactness: Exactness | None = None,
    unsupported: str | None = None,
    crash: str | None = None,
) -> Verdict:
    return Verdict(
        id=recorded.id,
        source=recorded.source,
        arch=recorded.arch,
        release=recorded.release,
        differences=differences,
        exactness=exactness,
        unsupported=unsupported,
        crash=crash,
    )


def simulate(recorded: Recording) -> Boot:
    """Return our boot of the recorded tree in the recorded scene."""
    from carveout.boot import boot

    return boot(_board(recorded.dtb), scene_of(recorded))


@lru_cache(maxsize=16)
def _board(dtb: bytes) -> Board:
    # Most scenarios give one tree to several kernels.
    from carveout.board import read_board
    from carveout.fdt import parse

    return read_board(parse(dtb))


# -------------------------------------------------------------------- KNOWN.md

_LISTED = re.compile(r"^- (\S+__\S+): (\S.*)$")


def read_known(text: str | None = None) -> Mapping[str, str]:
    """Return the boots that are allowed to disagree, with the cause of each. text: by default KNOWN.md.

    Raises ValueError for a bullet that cannot be read, a boot listed twice, and a boot that does not exist.
    """
    known: dict[str, str] = {}
    for line in (KNOWN.read_text() if text is None else text).splitlines():
        if not line.startswith("- "):
            continue
        match = _LISTED.match(line)
        if match is None:
            raise ValueError(f"not of the form '- scenario__release: cause': {line!r}")
        if match[1] in known:
            raise ValueError(f"listed twice: {match[1]}")
        try:
            recording(match[1])
        except KeyError:
            raise ValueError(f"no such recorded boot: {match[1]}") from None
        known[match[1]] = match[2]
    return known


def failures(verdicts: Iterable[Verdict], known: Mapping[str, str]) -> list[str]:
    """Return what is wrong with these verdicts, given the boots that are known to disagree.

    A boot that is called exact has to agree whether it is listed or not, and a listed boot has to disagree.
    """
    found: list[str] = []
    for verdict in verdicts:
        problems = verdict.problems()
        if verdict.id in known and not problems:
            found.append(f"{verdict.id}: listed in KNOWN.md, but it agrees")
        elif problems and verdict.exactness is Exactness.EXACT:
            found += [f"{verdict.id}: called exact, but {problem}" for problem in problems]
        elif problems and verdict.id not in known:
            found += [f"{verdict.id}: {problem}" for problem in problems]
    return found

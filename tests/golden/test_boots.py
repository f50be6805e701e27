# SPDX-License-Identifier: Apache-2.0
"""Every recorded boot of a real kernel, simulated and compared (see tests/data/boots/README.md).

One test is one kernel release; a failure names each boot that disagrees. `tools/compare_boots.py` shows the same
for a choice of boots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import Exactness
from support.agreement import Verdict, failures, judge, read_known
from support.recordings import Group, groups, recordings

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is done must not become "not implemented" again without a test failing.
IMPLEMENTED = {
    ("found", "arm"),
    ("found", "arm64"),
    ("found", "riscv64"),
    ("own", "arm64"),
    ("public", "arm"),
    ("public", "arm64"),
    ("public", "riscv64"),
    ("public-more", "arm64"),
    ("public-more", "ppc64"),
    ("real", "arm64"),
}

# What is simulated, but not yet with all that these boots need. The entry has to go when they agree.
PENDING: dict[tuple[str, str], str] = {}

_NO_OPENSBI = "the kernel's tree could not be read after the panic: this one is without OpenSBI's changes"

_NEWER_BUILD = "6.12.117, a newer build than the 6.12.107 whose sizes are known"

_FOUND = (
    "alloc-ranges-empty", "cma-twice", "crash-cma", "crash-high", "crash-no-base", "crash-no-range", "crash-rubbish",
    "hugetlb-cma", "hugetlb-cma-nodes", "mem-twice", "nomap-odd-end", "numa-distance",
)  # fmt: skip

# Scenarios, or single boots, of IMPLEMENTED that are less than exact, with the reason.
MODELLED = {
    "mem-limit-cma__6.12.107+deb13-armmp": "struct pages of an area outside RAM: results are undefined",
    "mem-limit-cma__7.2.13+deb14-armmp": "struct pages of an area outside RAM: results are undefined",
    "cma-static-outside__7.2.13+deb14-riscv64": _NO_OPENSBI,
    "dyn-size-exact__6.12.107+deb13-riscv64": _NO_OPENSBI,
    "dyn-size-exact__7.2.13+deb14-riscv64": _NO_OPENSBI,
    "mem-limit-cma__7.2.13+deb14-riscv64": _NO_OPENSBI,
    "static-140__6.12.107+deb13-riscv64": _NO_OPENSBI,
    "static-140__7.2.13+deb14-riscv64": _NO_OPENSBI,
    "real-hip07-d05-lean__6.12.117+deb13-arm64": _NEWER_BUILD,
    "real-hip07-d05-lean__6.12.117+deb13-arm64-16k": _NEWER_BUILD,
    "real-imx95-19x19-evk-lean__6.12.117+deb13-arm64": _NEWER_BUILD,
    "real-imx95-19x19-evk-lean__6.12.117+deb13-arm64-16k": _NEWER_BUILD,
    "real-mt7981b-cudy-wr3000-lean__6.12.117+deb13-arm64": _NEWER_BUILD,
    "real-mt7981b-cudy-wr3000-lean__6.12.117+deb13-arm64-16k": _NEWER_BUILD,
    "real-sm7325-motorola-dubai-lean__6.12.117+deb13-arm64": _NEWER_BUILD,
    "real-sm7325-motorola-dubai-lean__6.12.117+deb13-arm64-16k": _NEWER_BUILD,
    "real-qcm6490-fairphone-fp5-lean__6.12.117+deb13-arm64": _NEWER_BUILD,
    "real-qcm6490-fairphone-fp5-lean__6.12.117+deb13-arm64-16k": _NEWER_BUILD,
}

MODELLED |= {
    f"found-{name}__6.12.117+deb13-arm64{pages}": _NEWER_BUILD for name in _FOUND for pages in ("", "-16k")
}
MODELLED["found-last-page"] = "highmem that is in use is freed: when a kernel dies of it is chance"

_SHOWN = 60


def _verdicts(group: Group) -> list[Verdict]:
    found = [judge(r) for r in recordings(arch=group.arch, source=group.source, release=group.release)]
    assert len(found) == group.boots
    unsupported = [verdict for verdict in found if verdict.unsupported is not None]
    if len(unsupported) == len(found) and (group.source, group.arch) not in IMPLEMENTED:
        pytest.skip(f"{group.release}: {unsupported[0].unsupported}")
    return found


def _not_as_exact_as_it_should_be(verdicts: list[Verdict], known: Mapping[str, str]) -> list[str]:
    found = []
    for verdict in verdicts:
        is_modelled = verdict.id in MODELLED or verdict.id.partition("__")[0] in MODELLED
        if verdict.exactness is Exactness.EXACT and is_modelled:
            found.append(f"{verdict.id}: exact, but listed in MODELLED")
        elif verdict.exactness not in (Exactness.EXACT, None) and not is_modelled and verdict.id not in known:
            found.append(f"{verdict.id}: {verdict.exactness}, but it should be exact")
    return found


def _say(lines: list[str], boots: int) -> str:
    named = {line.split(":")[0] for line in lines}
    more = [f"... and {len(lines) - _SHOWN} lines more"] if len(lines) > _SHOWN else []
    return "\n".join([f"{len(named)} of {boots} boots:", *lines[:_SHOWN], *more])


@pytest.mark.parametrize("group", groups(), ids=lambda group: group.id)
def test_recorded_boots_agree(group: Group) -> None:
    """Log lines, placements, pools, NOMAP memory and the outcome are the recorded kernel's."""
    verdicts = _verdicts(group)
    names = {verdict.id for verdict in verdicts}
    known = {name: cause for name, cause in read_known().items() if name in names}
    wrong = failures(verdicts, known)
    if (group.source, group.arch) in IMPLEMENTED:
        wrong += _not_as_exact_as_it_should_be(verdicts, known)
    if (group.source, group.arch) in PENDING:
        assert wrong, "all of them agree: take them out of PENDING"
        pytest.skip(f"{group.release}: {PENDING[group.source, group.arch]}")
    assert not wrong, _say(wrong, group.boots)


def test_all_the_recordings_are_here() -> None:
    """The data is complete: no boot was lost on the way."""
    assert sum(group.boots for group in groups() if group.source == "public") == 962
    assert sum(group.boots for group in groups() if group.source == "public-more") == 342
    assert sum(group.boots for group in groups() if group.source == "own") == 11
    assert sum(group.boots for group in groups() if group.source == "real") == 20
    assert sum(group.boots for group in groups() if group.source == "found") == 90
    assert len({recorded.id for recorded in recordings()}) == 1425

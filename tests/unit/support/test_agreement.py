# SPDX-License-Identifier: Apache-2.0
"""Which disagreements are allowed, and that nothing passes by not being looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from carveout.boot.result import Exactness
from support import agreement
from support.agreement import Verdict, failures, judge, read_known
from support.compare import Difference, Kind
from support.recordings import recordings

_BOOT = recordings(arch="arm64", source="public")[0]


def _verdict(*differences: Difference, exactness: Exactness | None = Exactness.EXACT) -> Verdict:
    return Verdict(
        id=_BOOT.id,
        source=_BOOT.source,
        arch=_BOOT.arch,
        release=_BOOT.release,
        differences=differences,
        exactness=exactness,
    )


_DIFFERENT = Difference(Kind.LOG, "missing 'x'")
_KNOWN = {_BOOT.id: "firmware"}


def test_an_agreeing_boot_has_no_failures() -> None:
    assert failures([_verdict()], {}) == []


@pytest.mark.parametrize("exactness", list(Exactness))
def test_a_disagreeing_boot_fails_by_name(exactness: Exactness) -> None:
    (line,) = failures([_verdict(_DIFFERENT, exactness=exactness)], {})
    assert line.startswith(_BOOT.id)
    assert "missing 'x'" in line


def test_a_known_boot_may_disagree_unless_it_is_called_exact() -> None:
    assert failures([_verdict(_DIFFERENT, exactness=Exactness.MODELLED)], _KNOWN) == []
    assert failures([_verdict(_DIFFERENT)], _KNOWN) != []


def test_a_known_boot_that_agrees_fails() -> None:
    assert failures([_verdict()], _KNOWN) == [f"{_BOOT.id}: listed in KNOWN.md, but it agrees"]


def test_a_kind_that_is_not_required_does_not_fail() -> None:
    elsewhere = replace(_verdict(Difference(Kind.RESERVED_LAST, "x")), arch="riscv64")
    assert failures([elsewhere], {}) == []


def test_a_crash_and_an_unsupported_kernel_fail() -> None:
    crash = Verdict(
        id=_BOOT.id, source="public", arch="arm64", release=_BOOT.release, crash="Traceback\nTypeError: x"
    )
    assert failures([crash], {}) == [f"{_BOOT.id}: crash: TypeError: x"]
    unsupported = Verdict(
        id=_BOOT.id, source="public", arch="arm64", release=_BOOT.release, unsupported="not yet"
    )
    assert failures([unsupported], {}) == [f"{_BOOT.id}: unsupported: not yet"]


def test_a_simulation_that_fails_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise KeyError("memory")

    monkeypatch.setattr(agreement, "simulate", fails)
    assert judge(_BOOT).problems() == ["crash: KeyError: 'memory'"]


def test_the_list_of_known_boots_can_be_read() -> None:
    read_known()
    assert read_known(f"# Title\n\ntext\n- {_BOOT.id}: the firmware: it moved\n") == {
        _BOOT.id: "the firmware: it moved"
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("- something else\n", "not of the form", id="no-boot"),
        pytest.param(f"- {_BOOT.id}:\n", "not of the form", id="no-cause"),
        pytest.param(f"- {_BOOT.id}: a\n- {_BOOT.id}: b\n", "twice", id="twice"),
        pytest.param("- x__6.12: gone\n", "no such recorded boot", id="unknown"),
    ],
)
def test_a_bad_entry_is_an_error(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_known(text)

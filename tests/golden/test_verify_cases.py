# SPDX-License-Identifier: Apache-2.0
"""Real boards with a real log and a known outcome: trees from the facts of each thread, the log's lines verbatim.

Each .dts names its thread. What is expected here is what the thread found out, not what carveout prints.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from carveout.board import read_board
from carveout.boot.result import Outcome
from carveout.boot.scene import Scene
from carveout.fdt import parse
from carveout.observe.log import read_log
from carveout.observe.verification import Evidence
from carveout.observe.verify import verify
from support.log_dress import DRESSES

if TYPE_CHECKING:
    from carveout.observe.log import Log
    from carveout.observe.verification import Verification

CASES = Path(__file__).resolve().parents[1] / "data" / "cases"
MIB = 1 << 20


class Case(NamedTuple):
    """What a thread found out."""

    name: str
    log: str
    scene: Scene = Scene()
    placed: tuple[tuple[str, int], ...] = ()
    """Regions and where they are."""
    refused: tuple[str, ...] = ()
    default_area: int | None = None
    harmless: int = 0
    overlaps: tuple[str, str] | None = None
    failing: tuple[tuple[str, int], ...] = ()
    """Consumers, and the errno of their driver."""


ARM = Scene(arch="arm")
CASE_LIST = (
    Case("01-rpi4-rtos-pool", "01-rpi4-rtos-pool", placed=(("rtos@20000000", 0x1F60_0000),), refused=("linux,cma",)),
    Case("05-rpi5-cma-size", "05-rpi5-cma-size", refused=("linux,cma",)),
    Case("08-rpi4-cmdline-cma", "08-rpi4-cmdline-cma", ARM, placed=(("linux,cma", 0x1EC0_0000),)),
    Case("08-rpi4-cmdline-cma", "08-rpi4-cmdline-cma-320", ARM, refused=("linux,cma",), default_area=0x1AC0_0000),
    Case("12-sc7180-overlap", "12-sc7180-overlap", overlaps=("memory@86000000", "memory@8b700000")),
    Case("15-zynqmp-1mib-reusable", "15-zynqmp-1mib-reusable", default_area=0x5FC0_0000, failing=(("/udmabuf@0", 22),)),
    Case("17-zynqmp-cells", "17-zynqmp-cells", refused=("ddr4_buf@0",), default_area=0x2F80_0000),
    Case("20-rock5b-placeholders", "20-rock5b-placeholders", placed=(("cma", 0x1000_0000),), harmless=2),
    Case("25-visionfive2-97", "25-visionfive2-97", placed=(("linux,cma", 0x7000_0000),)),
    Case("25-visionfive2-53", "25-visionfive2-53", placed=(("linux,cma", 0x8000_0000),)),
    Case("29-msm8916-static", "29-msm8916-static", placed=(("mpss@86800000", 0x8680_0000), ("venus@8e500000", 0x8E50_0000))),
)  # fmt: skip
every_case = pytest.mark.parametrize("case", CASE_LIST, ids=lambda case: case.log)


def run(case: Case, log: bytes) -> Verification:
    board = read_board(parse((CASES / f"{case.name}.dtb").read_bytes()))
    return verify(board, case.scene, Evidence(log=read_log([log])))


def lines_of(case: Case) -> list[str]:
    return (CASES / f"{case.log}.log").read_text(encoding="utf-8").splitlines()


def check(case: Case, result: Verification) -> None:
    assert [(item.subject, item.seen, item.predicted) for item in result.differences] == []
    regions = {region.name: region for region in result.boot.regions}
    for name, base in case.placed:
        assert (regions[name].outcome, regions[name].base) == (Outcome.PLACED, base)
    for name in case.refused:
        assert regions[name].pool is None
        assert regions[name].outcome is not Outcome.PLACED
        assert regions[name].why
    if case.default_area is not None:
        assert [area.base for area in result.boot.cma if area.is_default] == [case.default_area]
    assert len(result.harmless) == case.harmless
    if case.overlaps is not None:
        told = [item.said for item in result.items if item.what == "overlap-pair" and item.said is not None]
        assert [(said.name, dict(said.values)["other"]) for said in told] == [case.overlaps]
    for path, errno in case.failing:
        traced = [one for one in result.failures if one.consumer == path]
        assert [(one.failure.errno, one.is_predicted) for one in traced] == [(errno, True)]
        assert all(one.subject is not None and one.why for one in traced)


@every_case
def test_a_real_case_ends_as_its_thread_did(case: Case) -> None:
    check(case, run(case, (CASES / f"{case.log}.log").read_bytes()))


def facts(log: Log) -> tuple[object, ...]:
    """Return what verify() goes by, without where in the log it stands."""
    boot = log.boot
    return (
        [(said.key, said.name, said.values) for said in boot.said],
        [(failure.kind, failure.device, failure.errno, failure.area) for failure in boot.failures],
        [
            getattr(boot, name)
            for name in ("release", "arch", "page_size", "cmdline", "model", "ram", "zones")
        ],
        [
            getattr(boot, name)
            for name in ("memory_line", "initrd", "is_efi", "panic", "dropped", "ops", "dump")
        ],
    )


@every_case
@pytest.mark.parametrize("dress", [dress for dress in DRESSES if dress != "wrapped"])
def test_however_the_log_came_it_says_the_same(case: Case, dress: str) -> None:
    log = read_log([DRESSES[dress](lines_of(case))])
    assert facts(log) == facts(read_log([DRESSES["plain"](lines_of(case))]))
    assert log.boot.missed_count == 0


@every_case
def test_lines_that_a_terminal_wrapped(case: Case) -> None:
    result = run(case, DRESSES["wrapped"](lines_of(case)))
    check(case, result)
    assert result.evidence.log is not None
    assert result.evidence.log.boot.missed_count == 0


@pytest.mark.slow
@every_case
@pytest.mark.parametrize("dress", DRESSES)
def test_however_the_log_came_it_ends_the_same(case: Case, dress: str) -> None:
    check(case, run(case, DRESSES[dress](lines_of(case))))


@every_case
def test_every_line_alone_says_the_same(case: Case) -> None:
    for line in lines_of(case):
        result = run(case, line.encode() + b"\n")
        assert result.differences == (), line


@every_case
def test_a_log_cut_inside_a_line(case: Case) -> None:
    whole = (CASES / f"{case.log}.log").read_bytes()
    for at in range(11, len(whole), 97):
        for part in (whole[:at], whole[at:]):
            result = run(case, part)
            wrong = [item for item in result.differences if item.cause is None]
            assert wrong == []


@pytest.mark.dtc
@pytest.mark.parametrize("source", sorted(CASES.glob("*.dts")), ids=lambda path: path.stem)
def test_the_blobs_are_the_sources(source: Path) -> None:
    from carveout.fdt.dts import load_dts

    tree, _map = load_dts(str(source))
    assert tree.blob == source.with_suffix(".dtb").read_bytes()

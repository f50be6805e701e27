# SPDX-License-Identifier: Apache-2.0
"""What a run over boards and scenes makes of problems, and that it keeps nothing of the boards behind it."""

from __future__ import annotations

import gc
import weakref

from carveout.board import read_board
from carveout.boot import Scene
from carveout.check.model import Finding, Severity
from carveout.check.registry import all_rules
from carveout.check.run import NamedScene, check_board
from carveout.fdt import parse
from carveout.span import MIB, Span
from support.dts import BASE, REGIONS, compile_dts

_REGIONS = """
pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
fw: fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
more@50080000 { reg = <0x0 0x50080000 0x0 0x100000>; };
"""


def test_a_checked_board_is_freed_without_the_collector() -> None:
    # Trees that refer to themselves pile up until the collector runs, and made it run for a tenth of the time.
    blob = bytes(compile_dts(BASE + REGIONS % _REGIONS + "/ { dev { memory-region = <&fw>; }; };").blob)
    scenes = [NamedScene(kernel, Scene(kernel=kernel)) for kernel in ("5.10", "7.2")]
    gc.collect()
    gc.disable()
    try:
        tree = parse(blob)
        alive = weakref.ref(tree)
        findings = check_board(read_board(tree), scenes, all_rules(), file="board.dtb").findings
        del tree
        assert findings
        assert alive() is None
    finally:
        gc.enable()


_POOL = 'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x100000>; reusable; };'
_LARGE = "large@42000000 { reg = <0x0 0x42000000 0x0 0x1dc00000>; };"


def _found(regions: str, code: str, *scenes: tuple[str, Scene]) -> list[Finding]:
    board = read_board(parse(bytes(compile_dts(BASE + REGIONS % regions).blob)))
    named = [NamedScene(name, scene) for name, scene in scenes]
    return [f for f in check_board(board, named, all_rules(), file="b").findings if f.code == code]


def test_a_problem_is_as_bad_as_in_its_worst_scene_whatever_their_order() -> None:
    # 476 MiB of 800 MiB are much, of 512 MiB nearly all.
    more = ("800M", Scene(memory=(Span.sized(0x4000_0000, 800 * MIB),)))
    less = ("512M", Scene(memory=(Span.sized(0x4000_0000, 512 * MIB),)))
    for scenes in ((more, less), (less, more)):
        (finding,) = _found(_LARGE, "CV223", *scenes)
        assert (finding.severity, finding.said_of) == (Severity.WARNING, "512M")
        assert sorted(finding.scenes) == ["512M", "800M"]


def test_a_message_with_other_numbers_elsewhere_says_whose_they_are() -> None:
    scenes = [(kernel, Scene(kernel=kernel)) for kernel in ("5.10", "6.12")]
    (finding,) = _found(_POOL, "CV304", *scenes)
    assert "0x400000" in finding.message
    assert finding.bites == "5.10, 6.12 (the text is that of 5.10)"
    (finding,) = _found(_POOL, "CV304", *scenes[1:])
    assert "0x200000" in finding.message
    assert finding.bites == "6.12"


def test_a_template_for_the_boot_loader_is_harmless_and_an_empty_region_elsewhere_is_not() -> None:
    scene = ("6.12", Scene(kernel="6.12"))
    (template,) = _found("logo@0 { reg = <0x0 0x0 0x0 0x0>; };", "CV112", scene)
    (forgotten,) = _found("fw@50000000 { reg = <0x0 0x50000000 0x0 0x0>; };", "CV112", scene)
    assert (template.severity, forgotten.severity) == (Severity.NOTE, Severity.ERROR)
    assert "harmless" in template.message


def test_a_reference_of_2013_is_not_made_one_that_fails() -> None:
    # The driver got memory of the default pool; with memory-region to a node elsewhere it would get -EINVAL.
    device = "/ { %s video { linux,contiguous-region = <&pool>; }; };"
    elsewhere = "regions { pool: pool@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; }; };"
    in_place = "pool: pool@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };"
    for text, has_edits in (
        (BASE + device % elsewhere, False),
        (BASE + REGIONS % in_place + device % "", True),
    ):
        board = read_board(parse(bytes(compile_dts(text).blob)))
        found = check_board(board, [], all_rules(), file="b").findings
        (finding,) = (f for f in found if f.code == "CV816")
        assert bool(finding.edits) == has_edits

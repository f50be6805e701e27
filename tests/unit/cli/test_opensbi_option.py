# SPDX-License-Identifier: Apache-2.0
"""--opensbi BASE+SIZE, repeatable, or none."""

from __future__ import annotations

import pytest

from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import SceneError
from carveout.span import Span


def opensbi(*argv: str) -> tuple[Span, ...] | None:
    """Return what these options say about the region of OpenSBI."""
    parser = Parser("map", summary="")
    add_scene_options(parser)
    return read_scene(parser.parse_args(list(argv))).scene.opensbi


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param([], None, id="not-said"),
        pytest.param(["--opensbi", "none"], (), id="none"),
        pytest.param(["--opensbi", "0x80000000+512K"], (Span(0x8000_0000, 0x8008_0000),), id="one"),
        pytest.param(
            ["--opensbi", "0x80000000+256K", "--opensbi", "0x80040000+256K"],
            (Span(0x8000_0000, 0x8004_0000), Span(0x8004_0000, 0x8008_0000)),
            id="two-in-order",
        ),
    ],
)
def test_what_is_said_arrives(argv: list[str], expected: tuple[Span, ...] | None) -> None:
    assert opensbi(*argv) == expected


@pytest.mark.parametrize("value", ["0x80000000", "here+512K", "None"])
def test_a_value_that_makes_no_sense_is_refused(value: str) -> None:
    with pytest.raises(SceneError, match="--opensbi: "):
        opensbi("--opensbi", value)


def test_none_beside_a_place_is_refused() -> None:
    with pytest.raises(SceneError, match="--opensbi: "):
        opensbi("--opensbi", "0x80000000+512K", "--opensbi", "none")

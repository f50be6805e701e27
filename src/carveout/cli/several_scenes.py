# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH119
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Several scenes on one command line: kernels, page sizes and variants of RAM, in every combination."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.check.scenes import MAX_SCENES, scene_matrix
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import UsageError
from carveout.units import parse_memory, parse_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from carveout.boot import Scene
    from carveout.check.run import NamedScene
    from carveout.cli.parser import Parser
    from carveout.span import Span


class ScenesInput(NamedTuple):
    """The scenes as the user gave them, with what has to be read beside them."""

    scenes: tuple[NamedScene, ...]
    overlays: tuple[str, ...]
    inputs: tuple[str, ...]
    """Every file that was named, so that none is written over."""


def add_several_scenes(parser: Parser) -> None:
    """Add every scene option; those of which several make sense may be repeated."""
    add_scene_options(parser, several=("scene", "kernel", "page-size"))
    add_memory_variant(parser)


def add_memory_variant(parser: Parser) -> None:
    """Add the option for variants of RAM."""
    parser.add_argument(
        "--memory-variant",
        metavar="SIZE@BASE[,...]",
        action="append",
        default=[],
        help="RAM of one variant of the board; repeatable",
    )


def read_scenes(args: Namespace) -> ScenesInput:
    """Return the scenes that parsed options describe; the lists in `args` are replaced by their last values.

    Each scene file is a scene of its own, and is combined with the kernels, page sizes and variants.
    Raises SceneError or UsageError for values that make no sense, InputError for files that cannot be read.
    """
    kernels, pages = tuple(args.kernel), tuple(args.page_size)
    args.kernel, args.page_size = (kernels[-1] if kernels else None), (pages[-1] if pages else None)
    files = args.scene if isinstance(args.scene, list) else [args.scene]
    found: list[NamedScene] = []
    overlays: tuple[str, ...] = ()
    inputs: list[str] = []
    for file in files or [None]:
        args.scene = file
        given = read_scene(args)
        scenes = make_scenes(given.scene, kernels, pages, args.memory_variant)
        if len(files) > 1:
            scenes = tuple(scene._replace(name=_name(file, scene.name, len(scenes))) for scene in scenes)
        found += scenes
        overlays += given.overlays
        inputs += given.inputs
    return ScenesInput(tuple(found), tuple(dict.fromkeys(overlays)), tuple(dict.fromkeys(inputs)))


def _name(file: str, name: str, count: int) -> str:
    stem = os.path.basename(file).removesuffix(".toml")
    return stem if count == 1 else f"{stem} {name}"


def make_scenes(
    base: Scene, kernels: Sequence[str], pages: Sequence[str], variants: Sequence[str]
) -> tuple[NamedScene, ...]:
    """Return the scenes of every combination. Raises UsageError for too many or for a kernel nobody knows."""
    from carveout.kernel.release import parse_release

    for kernel in kernels or ([base.kernel] if base.kernel else []):
        parse_release(kernel)
    scenes = scene_matrix(
        base,
        kernels=kernels,
        page_sizes=[parse_size(text) for text in pages],
        memories=[_variant(text) for text in variants],
    )
    if len(scenes) > MAX_SCENES:
        raise UsageError(f"{len(scenes)} scenes are asked for, more than {MAX_SCENES}")
    return scenes


def _variant(text: str) -> tuple[Span, ...]:
    return tuple(parse_memory(part) for part in text.split(","))

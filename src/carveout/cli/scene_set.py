# SPDX-License-Identifier: Apache-2.0
"""Several scenes for one question: kernels, page sizes and amounts of RAM named, or all kernels that were booted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from carveout.board import Board
    from carveout.boot import Scene
    from carveout.check.run import NamedScene
    from carveout.cli.parser import Parser
    from carveout.cli.scene_options import SceneInput


class SceneSet(NamedTuple):
    """The scenes that options describe, and what has to be read beside them."""

    given: SceneInput
    scenes: tuple[NamedScene, ...]


def add_scene_set_options(parser: Parser) -> None:
    """Add the scene options, with those repeatable that make several scenes."""
    parser.add_argument(
        "--memory-variant",
        metavar="SIZE@BASE[,...]",
        action="append",
        default=[],
        help="RAM of one variant of the board; repeatable: the answer holds for all",
    )
    add_scene_options(parser, several=("kernel", "page-size"))


def read_scene_set(args: Namespace) -> SceneSet:
    """Return every combination of the kernels, page sizes and variants of RAM that were named.

    Raises: UsageError, SceneError, InputError as `read_scene` does.
    """
    from carveout.cli.check import make_scenes

    kernels, pages = tuple(args.kernel), tuple(args.page_size)
    args.kernel, args.page_size = (kernels[-1] if kernels else None), (pages[-1] if pages else None)
    given = read_scene(args)
    return SceneSet(given, make_scenes(given.scene, kernels, pages, args.memory_variant))


def widened(
    board: Board, asked: SceneSet, *, kernels_named: bool, pages_named: bool
) -> tuple[NamedScene, ...]:
    """Return the scenes with what was not named opened: every booted kernel, every page size it was booted with.

    Raises: UsageError when the architecture of the board is not known.
    """
    from carveout.check.run import NamedScene

    found: dict[str, NamedScene] = {}
    for scene in asked.scenes:
        for wide in _opened(board, scene.scene, kernels_named=kernels_named, pages_named=pages_named):
            resolved = f"{wide.kernel} {(wide.page_size or 0) // 1024}K"
            name = resolved if len(asked.scenes) == 1 or kernels_named else f"{resolved} {scene.name}"
            while name in found and found[name].scene != wide:
                name += "'"
            found.setdefault(name, NamedScene(name, wide))
    return tuple(found.values())


def _opened(board: Board, scene: Scene, *, kernels_named: bool, pages_named: bool) -> Iterator[Scene]:
    from carveout.boot.resolve import resolve_scene
    from carveout.kernel.release import BOOTED, parse_release

    resolved, _ = resolve_scene(board, scene)
    for booted in BOOTED:
        if kernels_named and parse_release(resolved.kernel).booted is not booted:
            continue
        kernel = scene.kernel if kernels_named else booted.series
        sizes = sorted({page for _, arch, page in booted.flavours if arch == resolved.arch})
        for size in [resolved.page_size] if pages_named else sizes:
            yield replace(scene, kernel=kernel, page_size=size)

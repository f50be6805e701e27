# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH109, PTH207
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""What a sweep is asked to do: its boards, in order, and the plan, from options or from a carveout.toml."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING

from carveout import __version__
from carveout.check.registry import pick_rules
from carveout.cli.boards import load_board
from carveout.cli.check_session import PROJECT_FILE, expand_boards, find_project
from carveout.cli.files import STDIN, read_text
from carveout.cli.scene_options import is_scene_given, read_scene
from carveout.errors import InputError, UsageError
from carveout.kernel.release import parse_release
from carveout.sweep.course import Unread
from carveout.sweep.plan import Job, Plan, RamChoice, SweepScene, plan_scenes
from carveout.sweep.rows import SCHEMA
from carveout.units import parse_address, parse_memory, parse_size
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from carveout.boot import Scene
    from carveout.sweep.rows import Row

_KINDS = ("cell", "region", "finding")
_GLOB = frozenset("*?[")


class Listed(NamedTuple):
    """One board of a sweep, not read yet."""

    path: str
    overlays: tuple[str, ...]
    scenes: tuple[int, ...]

    @property
    def name(self) -> str:
        """The board's name in the results: with the overlays it is another board."""
        return "+".join([self.path, *(os.path.basename(overlay) for overlay in self.overlays)])  # noqa: PTH119


class Request(NamedTuple):
    """What to do."""

    plan: Plan
    boards: tuple[tuple[int, Listed], ...]
    """Those of this shard, each with its place among all."""
    total: int
    """Boards of all shards."""
    shard: str | None
    errors: tuple[str, ...]
    inputs: tuple[str, ...]
    include_dirs: tuple[str, ...] = ()

    def header(self) -> Row:
        """Return the first row of the results."""
        return {
            "kind": "sweep",
            "schema": SCHEMA,
            "carveout": __version__,
            "boards": self.total,
            "shard": self.shard,
            "scenes": [scene.name for scene in self.plan.scenes],
            "rules": list(self.plan.codes),
            "rows": list(self.plan.kinds),
        }

    def jobs(self) -> Iterator[Job | Unread]:
        """Read the boards one after the other; one that cannot be read is said so in its place."""
        for number, board in self.boards:
            try:
                loaded = load_board(board.path, board.overlays, include_dirs=self.include_dirs)
            except InputError as error:
                yield Unread(number, board.name, str(error))
                continue
            yield Job(number, board.name, loaded.tree.blob, loaded.is_made_here, board.scenes)


def read_request(args: Namespace) -> Request:
    """Return what parsed options ask for. Raises UsageError, SceneError, InputError."""
    kinds = tuple(word for word in args.rows.split(",") if word)
    for kind in kinds:
        if kind not in _KINDS:
            raise UsageError(f"--rows: '{kind}' is no kind of row, expected one of: {', '.join(_KINDS)}")
    part = _shard(args.shard)
    scenes, listed, errors, inputs = _boards_and_scenes(args)
    codes = () if args.no_check else _codes(args)
    plan = Plan(scenes, codes, ("board", *kinds), recognises=not args.no_recognition)
    numbered = list(enumerate(listed))
    if part is not None:
        numbered = [(number, board) for number, board in numbered if number % part[1] == part[0] - 1]
    return Request(
        plan=plan,
        boards=tuple(numbered),
        total=len(listed),
        shard=args.shard,
        errors=tuple(errors),
        inputs=(*(board.path for board in listed), *inputs),
        include_dirs=tuple(args.include),
    )


def _codes(args: Namespace) -> tuple[str, ...]:
    def words(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(word for value in values for word in value.split(",") if word)

    rules = pick_rules(words(args.select), words(args.ignore))
    return tuple(rule.code for rule in rules if not rule.is_about_run)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, slash, second = text.partition("/")
    if not slash or not first.isdigit() or not second.isdigit() or not 1 <= int(first) <= int(second):
        raise UsageError(f"--shard {text}: expected I/N, for example 2/8")
    return int(first), int(second)


def _boards_and_scenes(
    args: Namespace,
) -> tuple[tuple[SweepScene, ...], list[Listed], list[str], tuple[str, ...]]:
    is_given = is_scene_given(args) or bool(args.memory_variant or args.memory_size)
    if not args.boards:
        return _of_project(args, is_given=is_given)
    scenes, overlays, inputs = _scenes(args)
    paths, errors = expand_boards(_named(args.boards))
    everywhere = tuple(range(len(scenes)))
    variants = [overlays, *((*overlays, *text.split(",")) for text in args.overlay_variant)]
    listed = [Listed(path, variant, everywhere) for path in paths for variant in variants]
    return scenes, listed, errors, inputs


def _of_project(
    args: Namespace, *, is_given: bool
) -> tuple[tuple[SweepScene, ...], list[Listed], list[str], tuple[str, ...]]:
    path = args.project or find_project(os.getcwd())
    if path is None:
        raise UsageError(f"no board given, and there is no {PROJECT_FILE} here or above")
    from carveout.cli.project import read_project
    from carveout.cli.project_boards import project_targets

    project = read_project(path)
    if not project.boards:
        raise UsageError(f"{path}: has no [[board]], and no board was named")
    scenes, overlays, inputs = _scenes(args)
    targets, errors = project_targets(project, None, (), None)
    if is_given:
        everywhere = tuple(range(len(scenes)))
        listed = [Listed(name, overlays, everywhere) for name in dict.fromkeys(t.path for t in targets)]
        return scenes, listed, errors, (*inputs, path)
    found: dict[str, SweepScene] = {}
    listed = []
    for target in targets:
        for named in target.scenes:
            found.setdefault(named.name, SweepScene(named.name, named.scene))
        names = list(found)
        wanted = tuple(names.index(named.name) for named in target.scenes)
        listed.append(Listed(target.path, target.overlays, wanted))
    if not any(board.scenes for board in listed):
        return scenes, [board._replace(scenes=(0,)) for board in listed], errors, (*inputs, path)
    return tuple(found.values()), listed, errors, (*inputs, path)


def _scenes(args: Namespace) -> tuple[tuple[SweepScene, ...], tuple[str, ...], tuple[str, ...]]:
    several = {name: tuple(getattr(args, name)) for name in ("kernel", "page_size", "cmdline", "preset")}
    for name, values in several.items():
        setattr(args, name, values[-1] if values else None)
    given = read_scene(args)
    for kernel in several["kernel"]:
        parse_release(kernel)
    ram = [RamChoice(banks=tuple(map(parse_memory, text.split(",")))) for text in args.memory_variant]
    base = parse_address(args.memory_base) if args.memory_base is not None else None
    ram += [RamChoice(size=parse_size(text), base=base) for text in args.memory_size]
    if args.if_ram_missing and not ram:
        raise UsageError("--if-ram-missing needs --memory-size or --memory-variant")
    if base is not None and not args.memory_size:
        raise UsageError("--memory-base says where the RAM of --memory-size begins, which is not given")
    if ram and given.scene.memory:
        raise UsageError(
            "--memory is RAM of every scene, --memory-variant and --memory-size one each: give one kind"
        )
    places = (given.scene.kernel_image, given.scene.image_at, given.scene.dtb_at, given.scene.initrd)
    if args.from_ram_start and places == (None,) * len(places):
        raise UsageError(
            "--from-ram-start needs one of --kernel-image, --image-at, --dtb-at and --initrd, which count from there"
        )
    if args.from_ram_start and given.scene.efi_map is not None:
        raise UsageError("--from-ram-start and --efi-map do not go together: the map has the places")
    scenes = plan_scenes(
        _presets(given.scene, several["preset"]),
        kernels=several["kernel"],
        page_sizes=[parse_size(text) for text in several["page_size"]],
        ram=ram,
        cmdlines=several["cmdline"],
        only_without_ram=args.if_ram_missing,
        is_from_ram=args.from_ram_start,
    )
    return scenes, given.overlays, given.inputs


def _presets(base: Scene, presets: Sequence[str]) -> list[tuple[str, Scene]]:
    if len(presets) < 2:
        return [("", base)]
    return [(preset, replace(base, preset=preset)) for preset in presets]


def _named(words: Sequence[str]) -> list[str]:
    # Patterns become what they match, `-` becomes the lines of standard input.
    found: list[str] = []
    for word in words:
        if word == STDIN:
            lines = read_text(STDIN, what="a list of boards").splitlines()
            found += [line.strip() for line in lines if line.strip()]
        elif _GLOB & set(word) and not os.path.lexists(word):
            matches = sorted(glob.glob(word, recursive=True))
            if not matches:
                raise UsageError(f"no file matches '{word}'")
            found += matches
        else:
            found.append(word)
    return found

# SPDX-License-Identifier: Apache-2.0
"""The house holds: imports point one way, files stay short, the core touches nothing outside.

docs/architecture.md shows the same picture to people. Where the two differ, one of them is wrong.
"""

from __future__ import annotations

import ast
import functools
import json
import re
import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "carveout"

# Modules at the bottom: every room may use them, and they use nothing but each other.
BOTTOM = frozenset({"errors", "span", "units", "values"})

# What a room may import, beside itself and the bottom. The order of the lines is the way through the house.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "fdt": frozenset(),
    "kernel": frozenset(),
    "board": frozenset({"fdt"}),
    "boot": frozenset({"fdt", "board", "kernel"}),
    "observe": frozenset({"fdt", "board", "boot", "kernel"}),
    "pool": frozenset({"fdt", "board", "boot", "kernel"}),
    "change": frozenset({"fdt", "board", "boot", "kernel", "check"}),
    "check": frozenset({"fdt", "board", "boot", "kernel", "observe"}),
    "explain": frozenset({"fdt", "board", "boot", "kernel", "check", "change"}),
    "amp": frozenset({"fdt", "board", "boot", "kernel"}),
    "sweep": frozenset({"fdt", "board", "boot", "kernel", "check", "pool", "change"}),
    "report": frozenset(
        {"fdt", "board", "boot", "kernel", "check", "observe", "pool", "change", "explain", "amp", "sweep"}
    ),
}
ALL_ROOMS = frozenset(MAY_IMPORT)

# Modules directly in carveout/ that may use the rooms: the Python interface, and `python -m carveout`.
FRONT = {"__init__": ALL_ROOMS, "__main__": frozenset({"cli"}), "api": ALL_ROOMS}

# Steps back against the way, each with its reason.
SHORTCUTS: dict[str, frozenset[str]] = {
    # `boot.pool(...)`: a result hands out the allocators of its pools, imported when it is asked for one.
    "boot/result.py": frozenset({"pool"}),
}

# Files and processes are touched here and nowhere else.
TOUCHES_FILES = frozenset({"fdt/dts.py"})

GOAL_LINES = 400
MOST_LINES = 500
# Files above the goal, each with the reason. Nothing may be above MOST_LINES.
LONG_FOR_A_REASON: dict[str, str] = {
    "boot/memblock.py": "one class, the allocator's operations; its lists, search and rules are files of their own",
    "fdt/tree.py": "Tree, Node and Property are three views of one index, and fast because they share it",
}


class Import(NamedTuple):
    """One import of a module of carveout's own."""

    line: int
    module: str  # without the leading `carveout.`; empty for the package itself
    only_types: bool


def module_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def names(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def broken(law: Callable[[Path], object]) -> dict[str, object]:
    """Return what each file breaks of a law; empty when the house holds."""
    found = {names(path): law(path) for path in module_files()}
    return {name: what for name, what in found.items() if what}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def type_checking_nodes(tree: ast.Module) -> set[ast.AST]:
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for statement in node.body:
                inside.update(ast.walk(statement))
    return inside


def own_imports(tree: ast.Module, module: str) -> list[Import]:
    """Return the imports of carveout's own modules, relative ones resolved against `module`."""
    only_types = type_checking_nodes(tree)
    found = []
    for node in ast.walk(tree):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = ["carveout", *module.split("/")][: -node.level]
                base = ".".join([*package, base]).rstrip(".")
            # `from carveout import boot` imports a room; `from carveout.boot import x` names one already.
            targets = [f"{base}.{alias.name}" if base == "carveout" else base for alias in node.names]
        for target in dict.fromkeys(targets):
            if target == "carveout" or target.startswith("carveout."):
                found.append(
                    Import(node.lineno, target.removeprefix("carveout").lstrip("."), node in only_types)
                )
    return found


def room_of(relative: str) -> str:
    first, slash, _rest = relative.partition("/")
    return first if slash else first.removesuffix(".py")


def forbidden_imports(tree: ast.Module, relative: str) -> list[str]:
    """Return what breaks the one-way rule, as `line: room`."""
    room = room_of(relative)
    if room in BOTTOM:
        allowed: frozenset[str] = BOTTOM
    elif room == "cli":
        allowed = ALL_ROOMS | BOTTOM | FRONT.keys()
    else:
        allowed = MAY_IMPORT.get(room, FRONT.get(room, frozenset())) | BOTTOM
    # The version is a constant of the package; everybody may name it.
    allowed |= {room, "", "__version__"} | SHORTCUTS.get(relative, frozenset())
    return [
        f"line {found.line}: {found.module}"
        for found in own_imports(tree, relative)
        if found.module.partition(".")[0] not in allowed
    ]


def test_every_room_is_in_the_picture() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms <= ALL_ROOMS | {"cli"}
    fronts = {path.stem for path in SOURCE.glob("*.py")}
    assert fronts <= BOTTOM | FRONT.keys()


def test_imports_point_one_way() -> None:
    assert broken(lambda path: forbidden_imports(parsed(path), names(path))) == {}


@pytest.mark.parametrize(
    ("relative", "source"),
    [
        pytest.param("fdt/parse.py", "from carveout.board import model", id="fdt-board"),
        pytest.param("kernel/profile.py", "from carveout.boot.scene import Scene", id="kernel-boot"),
        pytest.param("boot/sequence.py", "def f():\n    from carveout.report import text", id="late"),
        pytest.param("board/read.py", "from ..check import rules", id="relative"),
        pytest.param("board/read.py", "import carveout.cli.main", id="plain"),
        pytest.param("report/text.py", "from carveout import cli", id="from-package"),
        pytest.param("span.py", "from carveout.fdt import parse", id="bottom"),
    ],
)
def test_a_wrong_import_is_seen(relative: str, source: str) -> None:
    assert forbidden_imports(ast.parse(source), relative)


def module_name(path: Path) -> str:
    return "carveout." + names(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def imported_first(tree: ast.Module, module: str, known: set[str]) -> set[str]:
    """Return the modules of carveout that have to have run before `module` has."""
    top = ast.Module(
        [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)], type_ignores=[]
    )
    found: set[str] = set()
    for one in own_imports(top, module.removeprefix("carveout.").replace(".", "/")):
        if one.only_types or not one.module:
            continue
        parts = ["carveout", *one.module.split(".")]
        found.add(".".join(parts))
        # Packages on the way run first, but for one that holds both: that is being imported already.
        packages = [".".join(parts[:end]) for end in range(2, len(parts))]
        found.update(name for name in packages if not f"{module}.".startswith(f"{name}."))
    return found & known


def import_cycles(needs: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_cycle_at_import_time() -> None:
    """A module can be imported first: no import order is needed to make it work."""
    modules = {module_name(path): path for path in module_files()}
    assert (
        import_cycles({m: imported_first(parsed(path), m, set(modules)) for m, path in modules.items()}) == []
    )


def test_a_cycle_is_seen() -> None:
    sources = {
        "carveout.fdt.tree": "from carveout.fdt.node import Node",
        "carveout.fdt.node": "import carveout.fdt.tree",
        "carveout.fdt.late": "def f():\n    import carveout.fdt.tree",
    }
    needs = {m: imported_first(ast.parse(source), m, set(sources)) for m, source in sources.items()}
    assert set(import_cycles(needs)) == {"carveout.fdt.tree", "carveout.fdt.node"}


# Imports each module it is told of as if it were the first: no module of carveout is there before.
FIRST = """
import importlib, json, sys
failed = {}
for module in json.load(sys.stdin):
    for name in [name for name in sys.modules if name == "carveout" or name.startswith("carveout.")]:
        del sys.modules[name]
    try:
        importlib.import_module(module)
    except BaseException as error:
        failed[module] = f"{type(error).__name__}: {error}"
json.dump(failed, sys.stdout)
"""


@pytest.mark.slow
def test_every_module_can_be_imported_first() -> None:
    modules = [module_name(path) for path in module_files() if path.stem != "__main__"]
    done = subprocess.run(
        [sys.executable, "-c", FIRST], input=json.dumps(modules), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {}


def test_import_pulls_only_the_standard_library() -> None:
    code = "import sys; before = set(sys.modules); import carveout; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pulled = {name.partition(".")[0] for name in done.stdout.split()} - {"carveout"}
    assert pulled <= set(sys.stdlib_module_names)


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_files_are_short() -> None:
    goal = {
        names(path): MOST_LINES if names(path) in LONG_FOR_A_REASON else GOAL_LINES for path in module_files()
    }
    assert broken(lambda path: length(path) if length(path) > goal[names(path)] else 0) == {}


def test_no_reason_is_kept_for_a_file_that_became_short() -> None:
    for relative in LONG_FOR_A_REASON:
        assert length(SOURCE / relative) > GOAL_LINES


def long_functions(path: Path) -> list[str]:
    return [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno + 1 > 100
    ]


def test_no_function_is_longer_than_two_screens() -> None:
    assert broken(long_functions) == {}


OUTSIDE_CALLS = frozenset(
    {
        "print",
        "input",
        "open",
        "breakpoint",
        "eval",
        "exec",
        "exit",
        "quit",
        "sys.exit",
        "os._exit",
        "os.getenv",
    }
)
OUTSIDE_NAMES = frozenset({"os.environ", "sys.argv", "sys.stdout", "sys.stderr", "sys.stdin"})
OUTSIDE_MODULES = frozenset(
    {"subprocess", "socket", "tempfile", "shutil", "logging", "time", "datetime", "random"}
)


def outside_world(tree: ast.Module) -> list[str]:
    """Return every place where code would print, exit, read a file, the environment or the clock."""
    only_types = type_checking_nodes(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in OUTSIDE_CALLS:
            found.append(f"line {node.lineno}: {ast.unparse(node.func)}()")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in {"read_text", "read_bytes", "write_text", "write_bytes"}:
                found.append(f"line {node.lineno}: .{node.func.attr}()")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in OUTSIDE_NAMES:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Import | ast.ImportFrom) and node not in only_types:
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [
                f"line {node.lineno}: {name}" for name in modules if name.partition(".")[0] in OUTSIDE_MODULES
            ]
    return found


def touched(path: Path) -> list[str]:
    relative = names(path)
    if room_of(relative) in {"cli", "__main__"} or relative in TOUCHES_FILES:
        return []
    found = outside_world(parsed(path))
    # carveout.load() takes a path as well as bytes: it reads that one file, on the caller's word.
    if relative == "__init__.py" and len(found) == 1:
        found = [where for where in found if not where.endswith(" open()")]
    return found


def test_the_core_touches_nothing_outside() -> None:
    assert broken(touched) == {}


@pytest.mark.parametrize(
    "source",
    ["print(1)", "import sys\nsys.exit(1)", "import os\nos.environ['X']", "open('x')", "import subprocess",
     "from pathlib import Path\nPath('x').read_bytes()", "from time import time", "eval('1')"],
)  # fmt: skip
def test_touching_the_outside_is_seen(source: str) -> None:
    assert outside_world(ast.parse(source))


# A kernel's version is looked at where the table of changes is folded, in kernel/, and nowhere else.
# Not `released`: that is what became of a region.
VERSION_WORD = re.compile(r"version|release(?!d)", re.IGNORECASE)


def version_comparisons(tree: ast.Module) -> list[str]:
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(VERSION_WORD.search(ast.unparse(part)) for part in [node.left, *node.comparators])
    ]


def test_logic_compares_no_versions() -> None:
    logic = {"boot", "pool", "check", "change", "board", "report"}
    assert broken(lambda path: room_of(names(path)) in logic and version_comparisons(parsed(path))) == {}


@pytest.mark.parametrize(
    "source", ["if version >= (6, 12): pass", "x = 1 if profile.kernel_version < y else 2"]
)
def test_a_version_comparison_is_seen(source: str) -> None:
    assert version_comparisons(ast.parse(source))


def tracked_files() -> list[Path]:
    """Return the files of the repository, or of the source tree when git or its folder is missing."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False)
        if listed.returncode == 0:
            return [
                ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()
            ]
    return [
        path
        for folder in ("src", "tests", "tools", "docs", "bench", "examples")
        for path in (ROOT / folder).rglob("*.*")
    ]


def test_every_source_file_names_its_licence() -> None:
    wanted = {".py", ".dts", ".dtsi"}
    without = []
    for path in tracked_files():
        if path.suffix not in wanted and path.name != "Makefile":
            continue
        head = path.read_text(encoding="utf-8").splitlines()[:2]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
            without.append(path.relative_to(ROOT).as_posix())
    assert without == []


# Written in pieces, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    "|".join(["/" + "work/", "/" + "farm", r"\." + "library", "/" + "root/", "/" + "home/[a-z]"])
)


def test_no_path_of_a_machine_is_tracked() -> None:
    found = []
    for path in tracked_files():
        if path.suffix in {".dtb", ".dtbo", ".gz", ".xz", ".zst", ".png"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in MACHINE_PATHS.finditer(text)]
    assert found == []

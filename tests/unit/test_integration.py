# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/integration.md, tried as far as that goes without the other tools."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from carveout.cli.project import read_project
from support.check_boards import CLEAN, OVERLAP, blob

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
KBUILD = """\
DT_CHECKER ?= dt-validate
DT_CHECKER_FLAGS ?= $(if $(DT_SCHEMA_FILES),-l $(DT_SCHEMA_FILES),-m)
%.checked: %.dtb
	@$(DT_CHECKER) $(DT_CHECKER_FLAGS) -u src/Documentation/devicetree/bindings -p out/processed-schema.json $< || true
"""


@pytest.fixture
def tools(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which `carveout` is this source tree."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "carveout"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m carveout "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path}


def run(command: list[str], cwd: Path, env: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**env, **more}, capture_output=True, text=True, check=False, timeout=60
    )


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_pre_commit_hooks_run(tmp_path: Path, tools: dict[str, str]) -> None:
    hooks = {hook["id"]: hook for hook in load(".pre-commit-hooks.yaml")}
    assert hooks.keys() == {"carveout-check", "carveout-check-project"}
    blob(tmp_path / "good.dtb", CLEAN)
    blob(tmp_path / "bad.dtb", OVERLAP)
    hook = hooks["carveout-check"]
    changed = ["good.dtb", "bad.dtb", "README.md", "soc.dtsi"]
    files = [name for name in changed if re.search(hook["files"], name)]
    assert files == ["good.dtb", "bad.dtb"]
    done = run([*shlex.split(hook["entry"]), "--kernel", "6.12", *files], tmp_path, tools)
    assert done.returncode == 1
    assert "bad.dtb: ERROR (region_overlap)" in done.stdout
    assert run([*shlex.split(hook["entry"]), "good.dtb"], tmp_path, tools).returncode == 0

    hook = hooks["carveout-check-project"]
    assert hook["pass_filenames"] is False
    assert all(re.search(hook["files"], name) for name in ("a.dtsi", "carveout.toml", "x/carveout.toml"))
    (tmp_path / "carveout.toml").write_text('[[board]]\nfiles = ["*.dtb"]\n', encoding="utf-8")
    done = run(shlex.split(hook["entry"]), tmp_path, tools)
    assert done.returncode == 1
    assert "2 boards checked" in done.stdout


def test_github_action(tmp_path: Path, tools: dict[str, str]) -> None:
    action = load("action.yml")
    assert action["runs"]["using"] == "composite"
    step = action["runs"]["steps"][-1]
    assert set(re.findall(r"inputs\.(\w+)", str(step["env"]))) == action["inputs"].keys()
    blob(tmp_path / "bad.dtb", OVERLAP)
    given = {"CARVEOUT_BOARDS": "bad.dtb", "CARVEOUT_OPTIONS": "--kernel 6.12", "CARVEOUT_SARIF": "out.sarif"}
    assert given.keys() == step["env"].keys()
    done = run(["sh", "-c", step["run"]], tmp_path, tools, GITHUB_ACTION_PATH=str(ROOT), **given)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=bad.dtb,title=CV101 region-overlap::")
    log = json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8"))
    assert "CV101" in {result["ruleId"] for result in log["runs"][0]["results"]}


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize(
    "words",
    [
        ["DT_CHECKER=carveout dt-check"],
        ["DT_CHECKER=carveout dt-check", "DT_SCHEMA_FILES=reserved-memory"],
        ["DT_CHECKER=carveout dt-check", "DT_CHECKER_FLAGS=--page-size 4K --page-size 16K"],
        [f"DT_CHECKER={ROOT / 'integration' / 'dt-check.sh'}"],
    ],
    ids=["plain", "limited", "flags", "script"],
)
def test_kbuild(tmp_path: Path, tools: dict[str, str], words: list[str]) -> None:
    (tmp_path / "Makefile").write_text(KBUILD, encoding="utf-8")
    blob(tmp_path / "bad.dtb", OVERLAP)
    done = run(["make", "bad.checked", *words], tmp_path, tools)
    assert done.returncode == 0, done.stderr
    assert "bad.dtb: ERROR (region_overlap)" in done.stdout
    assert "error" not in done.stderr


def test_buildroot_script(tmp_path: Path, tools: dict[str, str]) -> None:
    script = str(ROOT / "integration" / "buildroot-post-image.sh")
    images = tmp_path / "images"
    images.mkdir()
    assert run([script, str(images)], tmp_path, tools).returncode == 0
    blob(images / "good.dtb", CLEAN)
    assert run([script, str(images)], tmp_path, tools).returncode == 0
    blob(images / "bad.dtb", OVERLAP)
    done = run([script, str(images), "--kernel", "6.12"], tmp_path, tools)
    assert done.returncode == 1
    assert "2 boards checked" in done.stdout
    assert run([script], tmp_path, tools, BINARIES_DIR=str(images)).returncode == 1


@pytest.mark.parametrize(("strict", "code", "word"), [("1", 9, "fatal"), ("0", 0, "warn")])
def test_yocto_class(tmp_path: Path, tools: dict[str, str], strict: str, code: int, word: str) -> None:
    text = (ROOT / "integration" / "carveout-check.bbclass").read_text(encoding="utf-8")
    body = text.partition("do_carveout_check() {\n")[2].partition("\n}\n")[0]
    # bitbake puts its variables in before the shell runs.
    values = {"WORKDIR": str(tmp_path), "B": "build", "CARVEOUT_OPTIONS": "", "CARVEOUT_STRICT": strict}
    for name, value in values.items():
        body = body.replace(f"${{{name}}}", value)
    head = "bbfatal() { echo fatal; exit 9; }\nbbwarn() { echo warn; }\n"
    blob(tmp_path / "build" / "arch" / "bad.dtb", OVERLAP)
    done = run(["sh", "-ec", head + body], tmp_path, tools)
    assert done.returncode == code, done.stderr
    assert "region_overlap" in done.stdout
    assert done.stdout.rstrip().endswith(word)
    assert (tmp_path / "carveout-check.log").exists()


def test_carveout_toml_of_the_page(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    tomllib.loads(example)
    (tmp_path / "carveout.toml").write_text(example, encoding="utf-8")
    project = read_project(str(tmp_path / "carveout.toml"))
    assert [board.name for board in project.boards] == ["media"]
    assert project.ignore == ("region-not-page-aligned",)
    assert project.scenes["lts"].several["kernel"] == ("6.1", "6.12")

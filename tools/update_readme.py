#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the output shown in README.md and docs/ again, by running what is shown.

    tools/update_readme.py [--check] [FILE ...]

Two kinds of fenced blocks are real output:
- `console`: each line that begins with `$ carveout ` is run, and what follows it is what it printed;
- `python` directly followed by `text`: the text is what the code printed.
A picture `pictures/NAME.svg` or a page `pages/NAME.html` that a document links to and that one of its commands
writes (`-o pictures/NAME.svg`) is real output as well.
All run in a copy of examples/, without colour and 100 columns wide. With --check nothing is written; the exit
status is 1 when something differs. tests/golden/test_readme.py holds the same.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

CONSOLE = re.compile(r"^```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?P<between>\s*)^```text\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)

# Targets of links and images; a picture that leads to its page is both.
WRITTEN = re.compile(r"\]\((pictures/[\w.-]+\.svg|pages/[\w.-]+\.html)\)")

# A hung command must not hang the documentation.
TIMEOUT_SECONDS = 60


class DocumentationError(Exception):
    """A block cannot be run; the text says which and why."""


def run(command: list[str], folder: Path) -> str:
    """Run one command in `folder` and return what it prints, both streams together."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"COLUMNS", "FORCE_COLOR", "CLICOLOR_FORCE"}
    }
    environment |= {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", "TERM": "dumb"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    text = done.stdout.decode("utf-8")
    if "Traceback (most recent call last)" in text:
        raise DocumentationError(f"{shlex.join(command)} ends in a traceback:\n{text}")
    return text


def run_console(body: str, folder: Path) -> str:
    """Return a console block with the output of its commands as it is now."""
    parts = []
    for line in body.splitlines():
        if not line.startswith("$ "):
            continue
        words = shlex.split(line.removeprefix("$ "))
        if words[0] != "carveout":
            raise DocumentationError(f"console blocks run carveout and nothing else: {line}")
        parts.append(f"{line}\n{run([sys.executable, '-m', *words], folder).rstrip()}".rstrip() + "\n")
    return "\n".join(parts) if len(parts) > 1 else "".join(parts)


def refresh(text: str, folder: Path) -> str:
    """Return a document with all real output in it as it is now. folder: where the commands run."""

    def console(match: re.Match[str]) -> str:
        return f"```console\n{run_console(match['body'], folder)}```"

    def python(match: re.Match[str]) -> str:
        output = run([sys.executable, "-c", match["code"]], folder).rstrip()
        return f"```python\n{match['code']}```\n{match['between']}```text\n{output}\n```"

    return PYTHON.sub(python, CONSOLE.sub(console, text))


def workplace(folder: Path) -> Path:
    """Fill an empty folder with what the documents' commands use, and return it."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name in ("pictures", "pages"):
        (folder / name).mkdir()
    return folder


def written(text: str, folder: Path) -> dict[str, str]:
    """Return the pictures and pages that a document links to and its commands wrote into `folder`, by name."""
    return {
        name: (folder / name).read_text(encoding="utf-8")
        for name in WRITTEN.findall(text)
        if (folder / name).is_file()
    }


def stale_files(document: Path, made: dict[str, str]) -> list[Path]:
    """Return the pictures and pages beside a document that are not what its commands write."""
    files = {document.parent / name: content for name, content in made.items()}
    return [
        path
        for path, content in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]


def documents() -> list[Path]:
    """Return the files that may hold real output."""
    docs = ROOT / "docs"
    return [ROOT / "README.md", *sorted(docs.glob("*.md")), *sorted((docs / "gallery").glob("*.md"))]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="default: README.md, docs/*.md and docs/gallery/*.md",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when something differs"
    )
    args = parser.parse_args()
    stale = False
    for path in args.files or documents():
        before = path.read_text(encoding="utf-8")
        try:
            with tempfile.TemporaryDirectory() as folder:
                after = refresh(before, workplace(Path(folder)))
                made = written(after, Path(folder))
        except (DocumentationError, subprocess.TimeoutExpired) as error:
            sys.stderr.write(f"update_readme: {path.name}: {error}\n")
            return 1
        for file in stale_files(path, made):
            stale = True
            sys.stdout.write(f"{file.name}: {'differs' if args.check else 'written again'}\n")
            if not args.check:
                file.parent.mkdir(exist_ok=True)
                file.write_text(made[file.relative_to(path.parent).as_posix()], encoding="utf-8")
        if before == after:
            continue
        stale = True
        if args.check:
            lines = difflib.unified_diff(
                before.splitlines(), after.splitlines(), path.name, "as it is now", lineterm=""
            )
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            path.write_text(after, encoding="utf-8")
            sys.stdout.write(f"{path.name}: written again\n")
    if stale and args.check:
        sys.stderr.write("update_readme: the documentation is not what the program prints: run make docs\n")
    return 1 if stale and args.check else 0


if __name__ == "__main__":
    sys.exit(main())

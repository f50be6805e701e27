#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment in which make runs carveout and its tests.

    tools/make_venv.py FOLDER [EXTRA ...]

Installs the checkout itself, editable, with the extras of pyproject.toml that are named. Run with the Python
which the environment is to use. Extras that an environment there has already are kept. Keeps to old syntax, so
that an old Python gets a message and not a traceback.
"""

import os
import subprocess
import sys
from typing import NoReturn

MINIMUM = (3, 11)
EXTRAS_FILE = ".extras"


def fail(message: str) -> NoReturn:
    """End with one clear line."""
    sys.stderr.write("make_venv: " + message + "\n")
    sys.exit(2)


def check_version() -> None:
    """Refuse a Python that carveout does not run on."""
    if sys.version_info < MINIMUM:
        fail(
            "carveout needs Python %d.%d or newer, and %s is %d.%d; name another one: make PYTHON=python3.11 ..."
            % (*MINIMUM, sys.executable, *sys.version_info[:2])
        )


def run(command: "list[str]", hint: str) -> None:
    """Run one command; when it fails, show what it printed and what to do."""
    # A PYTHONPATH or an outer environment would leak into the new one.
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    done = subprocess.run(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.stderr.write(done.stdout.decode("utf-8", "replace"))
        fail(hint)


def kept_extras(folder: str) -> "list[str]":
    """Return the extras that an environment has already: who makes it again, for less, does not lose them."""
    try:
        with open(os.path.join(folder, EXTRAS_FILE), encoding="utf-8") as file:
            return file.read().split()
    except OSError:
        return []


def main(arguments: "list[str]") -> None:
    """Make FOLDER, or bring it up to date."""
    check_version()
    if not arguments:
        fail("usage: make_venv.py FOLDER [EXTRA ...]")
    folder = arguments[0]
    extras = arguments[1:] + [extra for extra in kept_extras(folder) if extra not in arguments[1:]]
    python = os.path.join(folder, "bin", "python")
    if (
        os.path.isdir(folder)
        and os.listdir(folder)
        and not os.path.exists(os.path.join(folder, "pyvenv.cfg"))
    ):
        fail("%s is there and is not a virtual environment: not touched" % folder)
    # --clear: an environment whose Python has been replaced does not work and does not say so.
    run(
        [sys.executable, "-m", "venv", "--clear", folder],
        "cannot make a virtual environment with %s (Debian: apt-get install python3-venv)" % sys.executable,
    )
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    target = source + ("[" + ",".join(extras) + "]" if extras else "")
    run(
        [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--editable",
            target,
        ],
        "cannot install carveout into %s; pip's message is above" % folder,
    )
    with open(os.path.join(folder, EXTRAS_FILE), "w", encoding="utf-8") as file:
        file.write("\n".join(extras))


if __name__ == "__main__":
    main(sys.argv[1:])

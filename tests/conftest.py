# SPDX-License-Identifier: Apache-2.0
"""What every test shares: markers that skip with a reason, and how many examples Hypothesis tries."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# `dev` is for the editor and `make test`; `ci` is what CARVEOUT_SLOW=1 asks for.
hypothesis.settings.register_profile("dev", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile("ci", max_examples=500, deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CARVEOUT_SLOW") else "dev")


@functools.cache
def python_with_libfdt() -> str | None:
    """Return a Python interpreter which can import libfdt, or None.

    Debian installs the module for the system's Python only, which is not the one of a virtual environment.
    """
    if importlib.util.find_spec("libfdt") is not None:
        return sys.executable
    system = "/usr/bin/python3"
    if not Path(system).exists():
        return None
    tried = subprocess.run([system, "-c", "import libfdt"], capture_output=True, check=False)
    return system if tried.returncode == 0 else None


def missing(marker: str) -> str | None:
    """Say why tests with this marker cannot run here, or None when they can."""
    if marker == "slow" and not os.environ.get("CARVEOUT_SLOW"):
        return "slow: set CARVEOUT_SLOW=1 (make test-slow) to run it"
    if marker == "dtc" and shutil.which("dtc") is None:
        return "needs dtc (Debian: apt-get install device-tree-compiler)"
    if marker == "pylibfdt" and python_with_libfdt() is None:
        return "needs the libfdt Python module (Debian: apt-get install python3-libfdt)"
    if marker == "qemu" and shutil.which("qemu-system-aarch64") is None:
        return "needs QEMU (Debian: apt-get install qemu-system-arm)"
    if marker == "dask" and importlib.util.find_spec("distributed") is None:
        return "needs Dask (pip install 'carveout[dask]')"
    if marker == "parquet" and importlib.util.find_spec("pyarrow") is None:
        return "needs PyArrow (pip install 'carveout[parquet]')"
    if marker == "browser":
        if importlib.util.find_spec("playwright") is None:
            return "needs Playwright (pip install 'carveout[browser]')"
        if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
            return "needs Chromium (Debian: apt-get install chromium)"
    if marker == "site" and importlib.util.find_spec("mkdocs") is None:
        return "needs MkDocs with its material theme (pip install 'carveout[docs]')"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, the tests whose tools are not on this machine."""
    for item in items:
        for name in ("slow", "dtc", "pylibfdt", "qemu", "browser", "site", "dask", "parquet"):
            reason = missing(name) if item.get_closest_marker(name) else None
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def libfdt_python() -> str:
    """Return the interpreter to run libfdt code with (tests marked `pylibfdt`)."""
    python = python_with_libfdt()
    if python is None:
        pytest.skip("needs the libfdt Python module")
    return python


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the folder of the checkout."""
    return Path(__file__).resolve().parent.parent

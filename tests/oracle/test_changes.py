# SPDX-License-Identifier: Apache-2.0
"""Random boards pinned, and each form of the change read by dtc and fdtoverlay: all give the same tree."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from carveout.change.overlay import overlay_of
from carveout.change.pin import pin
from carveout.change.proposal import contents
from carveout.change.source import overlay_source, source_of
from carveout.check.run import NamedScene
from carveout.errors import EditError, UsageError
from carveout.fdt import parse
from support.random_boards import Case, cases

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.dtc,
    pytest.mark.skipif(shutil.which("fdtoverlay") is None, reason="needs fdtoverlay, which comes with dtc"),
]


def run(*command: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@given(cases())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_dtc_and_fdtoverlay_read_every_form(tmp_path: Path, case: Case) -> None:
    try:
        proposal = pin(case.board.tree, [NamedScene("scene", case.scene)]).proposal
    except UsageError:
        return
    if proposal is None or not proposal.changes:
        return
    base = run("dtc", "-q", "-I", "dtb", "-O", "dts", "-", stdin=proposal.before.blob)
    text = run("dtc", "-q", "-I", "dtb", "-O", "dts", "-", stdin=proposal.after.blob)
    again = run("dtc", "-q", "-I", "dts", "-O", "dtb", "-", stdin=text)
    assert contents(parse(again)) == contents(proposal.after)
    pasted = base + source_of(proposal, from_source=False).encode()
    made = run("dtc", "-q", "-I", "dts", "-O", "dtb", "-", stdin=pasted)
    assert contents(parse(made)) == contents(proposal.after)
    try:
        overlay = overlay_of(proposal)
    except EditError:
        return  # a node without phandle, behind one of the same name: see tests/unit/change/test_proposal.py
    (tmp_path / "base.dtb").write_bytes(proposal.before.blob)
    source = run("dtc", "-q", "-I", "dts", "-O", "dtb", "-", stdin=overlay_source(overlay).encode())
    for blob in (overlay.blob, source):
        (tmp_path / "change.dtbo").write_bytes(blob)
        out = str(tmp_path / "out.dtb")
        run("fdtoverlay", "-i", str(tmp_path / "base.dtb"), "-o", out, str(tmp_path / "change.dtbo"))
        assert contents(parse((tmp_path / "out.dtb").read_bytes())) == contents(proposal.after)

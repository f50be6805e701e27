# SPDX-License-Identifier: Apache-2.0
"""A boot made and written down, in the form of the recordings (tests/data/boots/README.md)."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from .initrd import initrd_file
from .kernels import plain_image
from .loaders import Ran, run_boot
from .log_kernel import early_console_fields, log_fields
from .log_memblock import hexed
from .machines import MACHINES, command_line, cpu_for, early_command_line
from .probe import END, FILE, probe_file, split_probe
from .qemu import Patience, version
from .scenario_text import describe

if TYPE_CHECKING:
    from carveout.span import Span

    from .kernels import Kernel
    from .log_memblock import Row
    from .scenario import Scenario

SOURCE = "live"
_PATIENCE = Patience()
_EARLY_PATIENCE = Patience(whole=20, silence=10)


class Recorded(NamedTuple):
    """One boot: the row of the recording, the tree the kernel got, and the log."""

    row: Row
    dtb: bytes
    log: str


def record(scenario: Scenario, kernel: Kernel, *, cache: Path, patience: Patience = _PATIENCE) -> Recorded:
    """Boot a scenario once and return the recording.

    cache: folder for unpacked kernels and the initrd. Raises: QemuError, TreeError, KernelError.
    """
    machine = MACHINES[kernel.arch]
    rest = scenario.arguments(machine.ram_base)
    image = plain_image(kernel, cache / "images")
    initrd = initrd_file(cache) if scenario.initrd else None
    if scenario.probe:
        initrd, patience = probe_file(cache), patience._replace(done=END)
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        ran = run_boot(
            scenario,
            kernel,
            image,
            cmdline=command_line(machine, rest),
            initrd=initrd,
            folder=Path(folder),
            patience=patience,
        )
    row = _row(scenario, kernel, ran)
    if machine.early_console and row["outcome"] != "ok":
        # Its log comes out only once the console works: boot again, to see the end of it.
        with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
            again = run_boot(
                scenario,
                kernel,
                image,
                cmdline=early_command_line(machine, rest),
                initrd=initrd,
                folder=Path(folder),
                patience=_EARLY_PATIENCE,
            )
        row["early_console"] = early_console_fields(again.log, again.dtb, again.outcome)
        row["panic"] = row["panic"] or cast("Row", row["early_console"])["panic"]
    if row["panic"] and row["outcome"] in ("exit", "hang"):
        row["outcome"] = "panic"
    return Recorded(row, ran.dtb, ran.log)


def _row(scenario: Scenario, kernel: Kernel, ran: Ran) -> Row:
    machine = MACHINES[kernel.arch]
    runs_at = None if machine.moves_image or ran.kernel_file is None else ran.kernel_file.start
    text, shown = split_probe(ran.log)
    fields = log_fields(text, ran.dtb, runs_at)
    if shown is not None:
        fields["probe"] = {"files": {FILE: shown}}
    return {
        "source": SOURCE,
        "scenario": scenario.id,
        "title": scenario.title,
        "tags": list(scenario.tags),
        "kernel": {
            "release": kernel.release,
            "arch": kernel.arch,
            "page_size": kernel.page_size,
            "image_size": hexed(kernel.image_size),
            "text_offset": hexed(kernel.text_offset),
        },
        "machine": {
            "qemu": version(machine.qemu),
            "machine": "virt",
            "cpu": cpu_for(kernel),
            "smp": 1,
            "ram_base": hexed(machine.ram_base),
            "ram_size": hexed(scenario.ram),
            "loader": ran.loader,
            "cmdline": ran.cmdline,
        },
        "boot": {
            "kernel_file": _place(ran.kernel_file),
            "kernel_image": fields.pop("kernel_image"),
            "fdt": _place(ran.fdt),
            "initrd": _place(ran.initrd),
        },
        "dtb_sha256": hashlib.sha256(ran.dtb).hexdigest(),
        "outcome": ran.outcome,
        "seconds": ran.seconds,
        **fields,
    }


def _place(span: Span | None) -> Row | None:
    return None if span is None else {"base": hexed(span.start), "size": hexed(span.size)}


def write_scenario(folder: Path, scenario: Scenario, arch: str, boots: list[Recorded]) -> None:
    """Write one folder, as tools/import_boots.py reads it: expected.json.gz, the trees, the scenario as text."""
    folder.mkdir(parents=True, exist_ok=True)
    kernels: Row = {}
    for boot in boots:
        release = cast("Row", boot.row["kernel"])["release"]
        name = f"{release}.dtb.gz"
        (folder / name).write_bytes(gzip.compress(boot.dtb, mtime=0))
        (folder / f"{release}.log.gz").write_bytes(gzip.compress(boot.log.encode(), mtime=0))
        kernels[cast("str", release)] = {**boot.row, "dtb": name}
    expected: Row = {
        "scenario": scenario.id,
        "title": scenario.title,
        "tags": list(scenario.tags),
        "kernels": kernels,
    }
    (folder / "expected.json.gz").write_bytes(gzip.compress(json.dumps(expected).encode(), mtime=0))
    (folder / f"{arch}.dts").write_text(describe(scenario))


def read_recorded(folder: Path) -> list[Recorded]:
    """Return the boots in a folder that `write_scenario` wrote, their logs read anew."""
    expected = json.loads(gzip.decompress((folder / "expected.json.gz").read_bytes()))
    found = []
    for release, row in sorted(expected["kernels"].items()):
        log = folder / f"{release}.log.gz"
        text = gzip.decompress(log.read_bytes()).decode() if log.exists() else ""
        named = {"scenario": expected["scenario"], "title": expected["title"], "tags": expected["tags"]}
        dtb = gzip.decompress((folder / row["dtb"]).read_bytes())
        if text:
            placed = row["boot"]["kernel_file"]
            moved = MACHINES[row["kernel"]["arch"]].moves_image or placed is None
            probe = row.get("probe")
            fields = log_fields(split_probe(text)[0], dtb, None if moved else int(placed["base"], 16))
            row.update({**fields, "probe": probe})
            row["boot"]["kernel_image"] = row.pop("kernel_image")
            row["panic"] = row["panic"] or (row.get("early_console") or {}).get("panic")
        found.append(Recorded({"source": SOURCE, **named, **row}, dtb, text))
    return found

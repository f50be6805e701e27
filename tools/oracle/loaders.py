# SPDX-License-Identifier: Apache-2.0
"""A kernel, a tree and an initrd put into a machine's memory, by QEMU's loader or at places of our choice.

`qemu`: -kernel, -dtb, -initrd and -append. QEMU edits the tree: it replaces the memory nodes (arm, arm64), fills
/chosen and pads the blob. What the kernel gets is read back from guest memory.

`raw`: every file at its address by `-device loader`, and a stub that jumps to the kernel. The tree reaches the
kernel byte for byte, so memory nodes can be anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from carveout.fdt import parse
from carveout.span import MIB, Span

from .machines import MACHINES, cpu_for, jump_stub
from .qemu import Patience, Qemu
from .trees import base_tree, scenario_tree

if TYPE_CHECKING:
    from pathlib import Path

    from .kernels import Kernel
    from .qemu import Loaded
    from .scenario import Scenario

_SMP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one boot was given and what came of it."""

    log: str
    outcome: str
    """`ok`, `panic`, `hang` or `exit`."""
    seconds: float
    dtb: bytes
    """The tree as the kernel got it."""
    loader: str
    cmdline: str
    kernel_file: Span | None
    fdt: Span | None
    """totalsize of the blob, not what QEMU padded it to."""
    initrd: Span | None


def run_boot(
    scenario: Scenario,
    kernel: Kernel,
    image: Path,
    *,
    cmdline: str,
    initrd: Path | None,
    folder: Path,
    patience: Patience,
) -> Ran:
    """Boot once. image: the plain image of the kernel; cmdline: whole; folder: for this boot's files.

    Raises: QemuError, TreeError.
    """
    machine = MACHINES[kernel.arch]
    command = [machine.qemu, "-M", "virt", "-cpu", cpu_for(kernel), "-smp", str(_SMP)]
    # No network card: it is not needed, and its ROM comes from a package of its own.
    command += ["-m", f"{scenario.ram // MIB}M", "-nic", "none"]
    base = base_tree(machine.qemu, cpu_for(kernel), scenario.ram, _SMP)
    wants_raw = scenario.raw or scenario.needs_raw(keeps_memory=machine.keeps_memory)
    run = _run_raw if wants_raw and machine.raw is not None else _run_qemu
    started = time.monotonic()
    ran = run(scenario, kernel, image, command, base, cmdline, initrd, folder, patience)
    return replace(ran, seconds=round(time.monotonic() - started, 2))


def _run_raw(
    scenario: Scenario,
    kernel: Kernel,
    image: Path,
    command: list[str],
    base: bytes,
    cmdline: str,
    initrd: Path | None,
    folder: Path,
    patience: Patience,
) -> Ran:
    machine = MACHINES[kernel.arch]
    assert machine.raw is not None
    usual = {"kernel": machine.raw.kernel, "fdt": machine.raw.fdt, "initrd": machine.raw.initrd}
    at = {name: machine.ram_base + place for name, place in {**usual, **scenario.places}.items()}
    payload = None if initrd is None else Span.sized(at["initrd"], initrd.stat().st_size)
    dtb = scenario.tree
    if dtb is None:
        dtb = scenario_tree(scenario, base, ram_base=machine.ram_base, bootargs=cmdline, initrd=payload)
    (folder / "given.dtb").write_bytes(dtb)
    (folder / "stub.bin").write_bytes(jump_stub(kernel.arch, at["fdt"], at["kernel"]))
    files = [(image, at["kernel"]), (folder / "given.dtb", at["fdt"])]
    if initrd is not None:
        files.append((initrd, at["initrd"]))
    for path, address in files:
        command = [*command, "-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    stub = f"loader,file={folder / 'stub.bin'},addr={machine.ram_base + machine.raw.stub:#x}"
    command += ["-device", f"{stub},force-raw=on,cpu-num=0"]
    with Qemu(command, folder) as vm:
        outcome = vm.run(patience)
        log = vm.text()
    return Ran(
        log=log,
        outcome=outcome,
        seconds=0,
        dtb=dtb,
        loader="raw",
        cmdline=cmdline,
        kernel_file=Span.sized(at["kernel"], image.stat().st_size),
        fdt=Span.sized(at["fdt"], len(dtb)),
        # What /chosen was made to say instead is in the tree.
        initrd=None if any(edit.name.startswith("linux,initrd") for edit in scenario.edits) else payload,
    )


def _run_qemu(
    scenario: Scenario,
    kernel: Kernel,
    image: Path,
    command: list[str],
    base: bytes,
    cmdline: str,
    initrd: Path | None,
    folder: Path,
    patience: Patience,
) -> Ran:
    machine = MACHINES[kernel.arch]
    given = folder / "given.dtb"
    given.write_bytes(scenario_tree(scenario, base, ram_base=machine.ram_base))
    command = [*command, "-kernel", str(image), "-dtb", str(given), "-append", cmdline]
    if initrd is not None:
        command += ["-initrd", str(initrd)]
    with Qemu(command, folder) as vm:
        loads = vm.loaded()
        placed = _find(loads, "dtb", "fdt")
        before = None if placed is None else vm.read_memory(placed.start, placed.size, folder)
        outcome = vm.run(patience)
        log = vm.text()
        after = None
        if machine.firmware_edits_tree and outcome == "ok" and placed is not None:
            after = vm.read_memory(placed.start, placed.size, folder)
    dtb = _blob(after) or _blob(before) or given.read_bytes()
    return Ran(
        log=log,
        outcome=outcome,
        seconds=0,
        dtb=dtb,
        loader="qemu",
        cmdline=cmdline,
        kernel_file=_find(loads, str(image)),
        fdt=None if placed is None else Span.sized(placed.start, len(dtb)),
        initrd=None if initrd is None else _find(loads, str(initrd)),
    )


def _find(loads: list[Loaded], *names: str) -> Span | None:
    return next((Span.sized(rom.base, rom.size) for rom in loads if rom.name in names), None)


def _blob(memory: bytes | None) -> bytes | None:
    # Exactly the blob of what was read: QEMU's rom can be longer.
    return None if memory is None or memory[:4] != b"\xd0\x0d\xfe\xed" else parse(memory).blob

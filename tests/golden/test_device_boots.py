# SPDX-License-Identifier: Apache-2.0
"""What drivers got in real kernels: tests/data/devices, one boot each of 5.10, 6.1, 6.12 and 7.2."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import carveout
from carveout.board import read_board
from carveout.board.devices import device_name
from carveout.fdt.edit import remove_node
from support.boards import IMAGES, KERNELS

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot.result import Boot

DATA = Path(__file__).resolve().parents[1] / "data" / "devices"
BOARD = carveout.load(DATA / "board.dtb")


def recorded(kernel: str) -> Any:
    return json.loads((DATA / f"{kernel}.json").read_text(encoding="utf-8"))


def simulated(kernel: str, board: Board = BOARD) -> Boot:
    scene = carveout.Scene(kernel=kernel, kernel_image=IMAGES[kernel, 4096], dtb_at=0x4800_0000)
    return carveout.boot(board, scene)


@pytest.mark.parametrize("kernel", KERNELS)
def test_who_gets_its_region(kernel: str) -> None:
    log, boot = recorded(kernel)["log"], simulated(kernel)
    assert len(boot.devices) == 14
    for device in boot.devices:
        said = [line.partition(": ")[2] for line in log if line.startswith(f"cedrus {device.name}: ")]
        assert said, device.name
        assigned = [line for line in dict.fromkeys(said) if line.startswith("assigned reserved memory")]
        first = device.regions[0]
        assert [line for line in first.log if line.startswith("assigned")] == assigned
        assert bool(assigned) is (first.mapping != "none")
        assert ("Failed to reserve memory" in said) is (device.errno is not None)
        failed = [
            line for line in log if re.search(rf"{re.escape(device.name)}.* failed with error -\d+$", line)
        ]
        assert {int(line.rpartition("-")[2]) for line in failed} == {device.errno} - {None}
        assert (first.driver, first.asks) == ("sunxi_cedrus", "device-init")


@pytest.mark.parametrize("kernel", KERNELS)
def test_warnings_are_the_kernels_in_its_order(kernel: str) -> None:
    pattern = re.compile("memremap attempted|Reserved memory: failed to init")
    expected = [line for line in recorded(kernel)["log"] if pattern.search(line)]
    lines = [line for use in simulated(kernel).consumers for line in use.log if pattern.search(line)]
    assert lines == expected
    assert len(lines) == (5 if kernel == "5.10" else 2)


@pytest.mark.parametrize("kernel", KERNELS)
def test_devices_of_regions_and_their_names(kernel: str) -> None:
    there = {device["name"] for device in recorded(kernel)["platform_devices"]}
    boot = simulated(kernel)
    made = {device.name for device in boot.region_devices}
    others = {device_name(node.node) for parent in BOARD.reserved_memory for node in parent.regions} - made
    assert made <= there
    assert not others & there
    assert {device.name for device in boot.devices} <= there
    assert len(made) == (4 if kernel == "5.10" else 8)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("alone", [False, True])
def test_a_dynamic_ramoops_is_refused(kernel: str, alone: bool) -> None:
    dynamic, static = "reserved-memory:ramoops-dyn", "5a000000.ramoops"
    if alone:
        lines = json.loads((DATA / "ramoops-alone.json").read_text(encoding="utf-8"))[kernel]
        boot = simulated(kernel, read_board(remove_node(BOARD.tree, "/reserved-memory/ramoops@5a000000")))
    else:
        lines, boot = recorded(kernel)["log"], simulated(kernel)
    devices = {device.name: device for device in boot.region_devices}
    (failed,) = [line for line in lines if dynamic in line and "failed with error" in line]
    assert devices[dynamic].errno == int(failed.rpartition("-")[2])
    assert alone is (static not in devices)
    (line,) = devices[dynamic].log
    assert {f"ramoops {dynamic}: {line}", f"ramoops: {line}"} & set(lines)


@pytest.mark.parametrize("kernel", KERNELS)
def test_iommu_addresses(kernel: str) -> None:
    (device,) = [device for device in simulated(kernel).devices if device.name == "bd00000.video-codec"]
    truth = recorded(kernel)
    expected = {
        (int(first, 16), int(last, 16), kind)
        for first, last, kind in truth["reserved_regions"]["bd00000.video-codec"]
        if kind != "msi"
    }
    assert {(entry.iova, entry.iova + entry.size - 1, entry.kind) for entry in device.iommu} == expected
    warned = {line.partition(": ")[2] for line in truth["log"] if "non-direct" in line}
    assert {line for entry in device.iommu for line in entry.log} == warned
    assert bool(expected) is (kernel in ("6.12", "7.2"))


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_was_booted_is_exact(kernel: str) -> None:
    boot = simulated(kernel)
    static = [use for use in boot.consumers if use.found is None or not use.found.endswith("dynpool")]
    doubts = {use.why for use in static if use.exactness != "exact"}
    # Outside the recording: no-map pools depend on the scene, which is not the recorded one to the byte.
    assert all("kernel image has" in why for why in doubts)

# SPDX-License-Identifier: Apache-2.0
"""carveout: where Linux will put every piece of reserved memory, before the board boots.

    board = carveout.load("board.dtb")
    result = carveout.boot(board, carveout.Scene(kernel="6.12", kernel_image=..., dtb_at=...))
    for region in result.regions:
        print(region.name, region.base, region.outcome, region.exactness)

Region drivers of one's own: `carveout.boot(board, scene, drivers=carveout.KERNEL_DRIVERS.with_driver(
carveout.region_driver("acme,firmware", init=...)))`, see docs/region-drivers.md.

The rooms behind it are imported by name: `from carveout.boot.result import Outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.region_drivers import KERNEL_DRIVERS
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.errors import CarveoutError

if TYPE_CHECKING:
    import os

    from carveout.board import Board
    from carveout.boot.driver_registry import RegionDriver, RegionDrivers
    from carveout.boot.result import MappingKind
    from carveout.boot.user_drivers import DeviceView, RegionView, region_driver

__version__ = "0.1.0"
__all__ = [
    "KERNEL_DRIVERS",
    "CarveoutError",
    "DeviceView",
    "MappingKind",
    "RegionDriver",
    "RegionDrivers",
    "RegionView",
    "Scene",
    "__version__",
    "boot",
    "load",
    "region_driver",
]
# Imported when asked for: the command line does not need them.
_LATER = {
    "DeviceView": "carveout.boot.user_drivers",
    "MappingKind": "carveout.boot.result",
    "RegionDriver": "carveout.boot.driver_registry",
    "RegionDrivers": "carveout.boot.driver_registry",
    "RegionView": "carveout.boot.user_drivers",
    "region_driver": "carveout.boot.user_drivers",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)


def load(source: str | os.PathLike[str] | bytes) -> Board:
    """Return what a flattened device tree says about memory.

    source: the path of a .dtb, or the bytes of one.
    Raises: DtbFormatError when it is no device tree, OSError when the file cannot be read.
    """
    from carveout.board import read_board
    from carveout.fdt import parse

    if isinstance(source, bytes):
        return read_board(parse(source))
    with open(source, "rb") as file:
        return read_board(parse(file.read()))

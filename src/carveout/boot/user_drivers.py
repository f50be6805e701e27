# SPDX-License-Identifier: Apache-2.0
"""Region drivers written in Python: functions that take a read-only view and give 0 or a negative errno.

A driver is a value in a registry given to `boot()`. It can refuse a region, print lines, and decide about
devices; it cannot touch the simulated kernel. What it does wrong is a RegionDriverError that names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.driver_registry import Attached, RegionDriver
from carveout.boot.result import LogLine, MappingKind
from carveout.errors import CarveoutError, RegionDriverError, UsageError
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.boot.driver_registry import Binding, Handler
    from carveout.boot.state import EarlyBoot, RegionState
    from carveout.fdt import Node

MAX_ERRNO = 4095
"""The kernel's largest errno."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionView:
    """A region as a region driver sees it."""

    path: str
    name: str
    """Node name with unit address, as in the kernel's log."""
    base: int
    """0 while a dynamic region is validated: it has no place yet."""
    size: int
    """Bytes."""
    nomap: bool
    reusable: bool
    compatible: tuple[str, ...]
    node: Node
    """The node, for other properties: `region.node.prop("fsl,id")`."""
    kernel: str
    """The kernel as the scene names it, such as `6.12`."""
    arch: str
    page_size: int
    log: Callable[[str], None]
    """Prints a line into the boot's log, as pr_info() does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A device that is given a region, or that loses it."""

    path: str
    compatible: tuple[str, ...]
    node: Node
    assigned: tuple[str, ...]
    """Paths of the regions that it has so far, in order."""


class _Operations(NamedTuple):
    # The functions of one driver, and what their errors are called.
    name: str
    compatible: str
    init: Callable[[RegionView], int] | None
    validate: Callable[[RegionView], int] | None
    fixup: Callable[[RegionView], None] | None
    device_init: Callable[[RegionView, DeviceView], int] | None
    device_release: Callable[[RegionView, DeviceView], None] | None
    mapping: MappingKind

    def setup(self, state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
        if self.init is None:
            return 0
        view, run = _view(state, region, base, size), self.init
        return self.errno("init", view, self.call("init", view, lambda: run(view)))

    def on_validate(self, state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
        assert self.validate is not None
        view, run = _view(state, region, base, size), self.validate
        return self.errno("validate", view, self.call("validate", view, lambda: run(view)))

    def on_fixup(self, state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
        assert self.fixup is not None
        view, run = _view(state, region, base, size), self.fixup
        self.call("fixup", view, lambda: run(view))
        return 0

    def on_device_init(self, binding: Binding) -> Attached:
        assert self.device_init is not None
        (region, device), run = _views(binding), self.device_init
        error = self.errno(
            "device_init", region, self.call("device_init", region, lambda: run(region, device))
        )
        if error:
            return Attached(errno=-error, message=f"the region driver {self.name} refuses this device")
        return Attached(mapping=self.mapping)

    def on_device_release(self, binding: Binding) -> None:
        (region, device), run = _views(binding), self.device_release
        assert callable(run)
        self.call("device_release", region, lambda: run(region, device))

    def call(self, operation: str, view: RegionView, function: Callable[[], object]) -> object:
        try:
            return function()
        except CarveoutError:
            raise
        except Exception as error:
            raise self.fault(operation, view, f"raised {type(error).__name__}: {error}") from error

    def errno(self, operation: str, view: RegionView, answer: object) -> int:
        if isinstance(answer, int) and not isinstance(answer, bool) and -MAX_ERRNO <= answer <= 0:
            return answer
        raise self.fault(
            operation, view, f"returned {answer!r}; expected 0, or a negative errno such as -errno.EINVAL"
        )

    def fault(self, operation: str, view: RegionView, what: str) -> RegionDriverError:
        return RegionDriverError(what, driver=self.name, operation=operation, path=view.path)


def region_driver(
    compatible: str,
    *,
    name: str | None = None,
    init: Callable[[RegionView], int] | None = None,
    validate: Callable[[RegionView], int] | None = None,
    fixup: Callable[[RegionView], None] | None = None,
    device_init: Callable[[RegionView, DeviceView], int] | None = None,
    device_release: Callable[[RegionView, DeviceView], None] | None = None,
    mapping: MappingKind = MappingKind.NONE,
) -> RegionDriver:
    """Return a region driver made of functions, for `KERNEL_DRIVERS.with_driver(...)`.

    compatible: which regions it is asked about; compared without regard to case, as the kernel does.
    init: takes a region (0) or refuses it (-errno; the reservation is undone). Without it every region is taken.
    validate, fixup: before and after the region is reserved; only kernels that know these operations call them
    (`region_validate` of the Behaviour: 7.2). device_init, device_release: a device is given the region, or its
    driver is unbound; without device_init every device that asks is refused with -EINVAL, as in the kernel.
    mapping: how device_init maps the region. Raises: UsageError.
    """
    if not compatible or "\0" in compatible:
        raise UsageError(f"a region driver needs a compatible, {compatible!r} is none")
    given = {"init": init, "validate": validate, "fixup": fixup,
             "device_init": device_init, "device_release": device_release}  # fmt: skip
    for operation, function in given.items():
        if function is not None and not callable(function):
            raise UsageError(
                f"region driver for {compatible}: {operation} is {function!r}, expected a function"
            )
    run = _Operations(
        name or compatible, compatible, init, validate, fixup, device_init, device_release, mapping
    )
    on_validate: Handler | None = run.on_validate if validate is not None else None
    return RegionDriver(
        compatible=compatible,
        name=run.name,
        setup=run.setup,
        built=lambda _profile: True,
        validate=on_validate,
        fixup=run.on_fixup if fixup is not None else None,
        device_init=run.on_device_init if device_init is not None else None,
        device_release=run.on_device_release if callable(device_release) else None,
        is_users=True,
    )


def _view(state: EarlyBoot, region: RegionState, base: int, size: int) -> RegionView:
    node = region.node

    def log(text: str) -> None:
        step = max(len(state.trace) - 1, 0)
        state.log += [LogLine(text=line, level="info", step=step) for line in str(text).splitlines()]

    return RegionView(
        path=node.path,
        name=node.name,
        base=base,
        size=size,
        nomap=node.no_map,
        reusable=node.reusable,
        compatible=_compatible(node.node),
        node=node.node,
        kernel=state.scene.kernel,
        arch=state.scene.arch,
        page_size=state.scene.page_size,
        log=log,
    )


def _views(binding: Binding) -> tuple[RegionView, DeviceView]:
    entry, device = binding.entry, binding.device
    region = _view(binding.state, entry.region, entry.base, entry.size)
    return region, DeviceView(
        path=device.node.path,
        compatible=_compatible(device.node),
        node=device.node,
        assigned=tuple(taken.region.node.path for taken in device.assigned),
    )


def _compatible(node: Node) -> tuple[str, ...]:
    prop = node.prop("compatible")
    if prop is None:
        return ()
    return tuple(text.decode("utf-8", "surrogateescape") for text in prop.value.rstrip(b"\0").split(b"\0"))

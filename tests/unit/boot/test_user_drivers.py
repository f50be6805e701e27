# SPDX-License-Identifier: Apache-2.0
"""Region drivers written in Python: the same registry, the same order and the same undo as the kernel's own."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from carveout import KERNEL_DRIVERS, DeviceView, MappingKind, RegionView, boot, region_driver
from carveout.boot.result import Outcome
from carveout.errors import CarveoutError, RegionDriverError, UsageError
from support.boards import KERNELS, cells, mib, node, region, text, usual_board, usual_scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout import RegionDriver, RegionDrivers
    from carveout.boot.result import Boot, PlacedRegion
    from carveout.fdt.draft import DraftNode

QMAN = "fsl,qman-backing-store"
AT, SIZE = 0x5000_0000, mib(4)
OLD = ("5.10", "6.1", "6.12")


def backing_store(**more: object) -> DraftNode:
    return region("qman@50000000", reg=[(AT, SIZE)], compatible=QMAN, phandle=1, **more)


def run(
    kernel: str,
    *drivers: RegionDriver,
    regions: tuple[DraftNode, ...] = (),
    others: tuple[DraftNode, ...] = (),
) -> Boot:
    registry = KERNEL_DRIVERS
    for driver in drivers:
        registry = registry.with_driver(driver)
    board = usual_board(*(regions or (backing_store(),)), others=[*others])
    return boot(board, usual_scene(kernel), drivers=registry)


def only(result: Boot) -> PlacedRegion:
    (found,) = result.regions
    return found


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_driver_sees_the_region_and_takes_it(kernel: str) -> None:
    seen: list[RegionView] = []

    def init(view: RegionView) -> int:
        seen.append(view)
        view.log(f"qman: backing store at {view.base:#x}")
        return 0

    result = run(kernel, region_driver(QMAN, name="qman", init=init))
    (view,) = seen
    assert (view.path, view.name, view.base, view.size) == (
        "/reserved-memory/qman@50000000", "qman@50000000", AT, SIZE,
    )  # fmt: skip
    assert (view.kernel, view.arch, view.page_size, view.nomap) == (kernel, "arm64", 4096, False)
    assert view.compatible == (QMAN,)
    found = only(result)
    assert (found.outcome, found.driver, found.pool) == (Outcome.PLACED, QMAN, None)
    lines = result.log
    at = lines.index("qman: backing store at 0x50000000")
    assert lines[at + 1] == (f"OF: reserved mem: initialized node qman@50000000, compatible id {QMAN}")


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_depends_on_it_is_modelled_and_nothing_else(kernel: str) -> None:
    other = region("fw@52000000", reg=[(0x5200_0000, SIZE)])
    without = run(kernel, regions=(backing_store(), other))
    result = run(kernel, region_driver(QMAN, name="qman"), regions=(backing_store(), other))
    mine, theirs = result.regions
    assert (mine.exactness, theirs.exactness) == ("modelled", "exact")
    assert mine.why == "the region driver qman is not the kernel's"
    assert result.exactness == "modelled"
    assert [area.exactness for area in result.cma] == ["exact"]
    assert without.exactness == "exact"
    # Taken or not, it is reserved: nothing moves.
    assert (result.reserved, result.memory, result.cma) == (without.reserved, without.memory, without.cma)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_driver_for_nothing_in_the_tree_changes_nothing(kernel: str) -> None:
    assert run(kernel, region_driver("acme,other", init=lambda _view: -errno.EINVAL)) == run(kernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_refused_region_is_given_back(kernel: str) -> None:
    result = run(kernel, region_driver(QMAN, name="qman", init=lambda _view: -errno.EINVAL))
    found = only(result)
    assert (found.outcome, found.driver) == (Outcome.RELEASED, None)
    assert "the region driver qman refuses it with -22" in found.why
    assert "OF: reserved mem: node qman@50000000 compatible matching fail" in result.log
    # What is placed later may land there: it depends on a driver that is not the kernel's.
    assert [area.exactness for area in result.cma] == ["modelled"]
    assert any("the region driver qman, which is not the kernel's, refuses" in note for note in result.notes)


@pytest.mark.parametrize("kernel", KERNELS)
def test_enodev_means_not_for_me_where_the_kernel_stops(kernel: str) -> None:
    # 3.7: ≤6.12 keep the last error, and only -ENOENT is no match; 7.2 goes on after -ENODEV.
    result = run(kernel, region_driver(QMAN, init=lambda _view: -errno.ENODEV))
    assert only(result).outcome is (Outcome.RELEASED if kernel in OLD else Outcome.PLACED)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_next_driver_is_tried_or_not(kernel: str) -> None:
    asked = []

    def refuse(_view: RegionView) -> int:
        asked.append("first")
        return -errno.EINVAL

    def take(_view: RegionView) -> int:
        asked.append("second")
        return 0

    result = run(kernel, region_driver(QMAN, name="a", init=refuse), region_driver(QMAN, name="b", init=take))
    if kernel in OLD:
        assert (asked, only(result).outcome) == (["first", "second"], Outcome.PLACED)
    else:
        assert (asked, only(result).outcome) == (["first"], Outcome.RELEASED)


@pytest.mark.parametrize("kernel", KERNELS)
def test_before_the_kernels_own(kernel: str) -> None:
    pool = region("pool@50000000", "reusable", reg=[(AT, mib(32))], compatible="shared-dma-pool")
    mine = region_driver("Shared-DMA-Pool", name="mine")
    board, scene = usual_board(pool), usual_scene(kernel)
    behind = boot(board, scene, drivers=KERNEL_DRIVERS.with_driver(mine))
    before = boot(board, scene, drivers=KERNEL_DRIVERS.with_driver(mine, first=True))
    assert (only(behind).pool, only(before).pool) == ("cma", None)


@pytest.mark.parametrize("kernel", KERNELS)
def test_validate_and_fixup_are_operations_of_the_newest_kernel(kernel: str) -> None:
    calls: list[tuple[str, int]] = []

    def validate(view: RegionView) -> int:
        calls.append(("validate", view.base))
        return 0

    run(kernel, region_driver(QMAN, validate=validate, fixup=lambda view: calls.append(("fixup", view.base))))
    # 3.3, 3.6: before the reservation, and again in the late pass.
    expected = [("validate", AT), ("fixup", AT), ("validate", AT)]
    assert calls == ([] if kernel in OLD else expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_veto(kernel: str) -> None:
    result = run(kernel, region_driver(QMAN, name="qman", validate=lambda _view: -errno.EBUSY))
    found = only(result)
    vetoed = kernel not in OLD
    assert (found.outcome is Outcome.PLACED) is not vetoed
    assert bool([entry for entry in result.claims if entry.base == AT]) is not vetoed
    assert ("refuses it with -16" in found.why) is vetoed


def test_an_own_validate_does_not_align_like_a_contiguous_pool() -> None:
    dynamic = region("dyn", size=0x1000, compatible=QMAN)
    for drivers in (region_driver(QMAN, validate=lambda _view: 0), region_driver(QMAN)):
        assert only(run("7.2", drivers, regions=(dynamic,))).align == 64


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernels_driver_for_another_compatible(kernel: str) -> None:
    pool = region("pool@50000000", "reusable", reg=[(AT, mib(32))], compatible="acme,pool", phandle=1)
    device = node("device@1000", {"memory-region": cells(1)})
    result = run(
        kernel, KERNEL_DRIVERS.named("cma").for_compatible("acme,pool"), regions=(pool,), others=(device,)
    )
    assert (only(result).pool, only(result).exactness) == ("cma", "modelled")
    assert "Reserved memory: created CMA memory pool at 0x0000000050000000, size 32 MiB" in result.log
    assert [use.bound_by for use in result.consumers] == ["cma"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_devices(kernel: str) -> None:
    calls: list[tuple[str, str, str, tuple[str, ...]]] = []

    def device_init(view: RegionView, device: DeviceView) -> int:
        calls.append(("init", view.name, device.path, device.assigned))
        return -errno.EPERM if device.compatible == ("acme,guest",) else 0

    def device_release(view: RegionView, device: DeviceView) -> None:
        calls.append(("release", view.name, device.path, device.assigned))

    more = region("more@51000000", reg=[(0x5100_0000, SIZE)], compatible=QMAN, phandle=2)
    devices = (
        node("qman@1000", {"memory-region": cells(1, 2)}),
        node("guest@2000", {"memory-region": cells(1), "compatible": text("acme,guest")}),
    )
    driver = region_driver(QMAN, name="qman", device_init=device_init, device_release=device_release,
                           mapping=MappingKind.CACHED)  # fmt: skip
    result = run(kernel, driver, regions=(backing_store(), more), others=devices)
    first, second, refused = result.consumers
    one, two = "/reserved-memory/qman@50000000", "/reserved-memory/more@51000000"
    # The kernel's list of assigned regions is worked off from its newest entry.
    assert calls == [
        ("init", "qman@50000000", "/qman@1000", ()),
        ("init", "more@51000000", "/qman@1000", (one,)),
        ("init", "qman@50000000", "/guest@2000", ()),
        ("release", "more@51000000", "/qman@1000", (one, two)),
        ("release", "qman@50000000", "/qman@1000", (one, two)),
    ]
    assert (first.errno, first.bound_by, first.mapping) == (None, "qman", "cached")
    assert first.message == "assigned reserved memory node qman@50000000"
    assert second.message == "assigned reserved memory node more@51000000"
    assert (refused.errno, refused.bound_by) == (1, None)
    assert refused.message == "the region driver qman refuses this device"
    assert {use.exactness for use in result.consumers} == {"modelled"}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_disabled_device_asks_nobody(kernel: str) -> None:
    asked: list[str] = []

    def device_init(_region: RegionView, device: DeviceView) -> int:
        asked.append(device.path)
        return 0

    devices = (
        node("off@1000", {"memory-region": cells(1), "status": text("disabled")}),
        node("on@2000", {"memory-region": cells(1)}),
    )
    result = run(kernel, region_driver(QMAN, device_init=device_init), others=devices)
    assert asked == ["/on@2000"]
    assert [use.log for use in result.consumers] == [(), ("assigned reserved memory node qman@50000000",)]


def raises(_view: RegionView) -> int:
    return int("x")


@pytest.mark.parametrize(
    ("function", "what"),
    [
        pytest.param(raises, "raised ValueError: invalid literal", id="exception"),
        pytest.param(lambda _view: None, "returned None; expected 0, or a negative errno", id="nothing"),
        pytest.param(lambda _view: True, "returned True; expected", id="bool"),
        pytest.param(lambda _view: errno.EINVAL, "returned 22; expected", id="positive"),
        pytest.param(lambda _view: -4096, "returned -4096; expected", id="beyond"),
        pytest.param(lambda _view: "0", "returned '0'; expected", id="text"),
        pytest.param(lambda: 0, "raised TypeError: ", id="arguments"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["init", "validate", "device_init"])
def test_a_broken_driver_is_a_clear_error(function: Callable[..., int], what: str, operation: str) -> None:
    call = function if operation != "device_init" else lambda view, _device: function(view)
    device = node("device@1000", {"memory-region": cells(1)})
    driver = region_driver(QMAN, name="qman", **{operation: call})
    with pytest.raises(RegionDriverError) as caught:
        run("7.2", driver, others=(device,))
    start = f"region driver qman: {operation}() for /reserved-memory/qman@50000000 "
    assert str(caught.value).startswith(start + what)
    assert isinstance(caught.value, CarveoutError)
    assert (caught.value.driver, caught.value.operation, caught.value.path) == (
        "qman", operation, "/reserved-memory/qman@50000000",
    )  # fmt: skip


@pytest.mark.parametrize("operation", ["fixup", "device_release"])
def test_an_operation_without_an_answer_may_fail_too(operation: str) -> None:
    def fails(*_arguments: object) -> None:
        raise ValueError("no")

    driver = region_driver(QMAN, device_init=lambda *_: 0, **{operation: fails})
    with pytest.raises(RegionDriverError, match=rf"{operation}\(\) for .* raised ValueError: no"):
        run("7.2", driver, others=(node("device@1000", {"memory-region": cells(1)}),))


@pytest.mark.parametrize(
    ("arguments", "text_of"),
    [
        pytest.param({"compatible": ""}, "needs a compatible", id="empty"),
        pytest.param({"compatible": "a\0b"}, "needs a compatible", id="nul"),
        pytest.param({"compatible": QMAN, "init": 0}, "init is 0, expected a function", id="no-function"),
    ],
)
def test_a_driver_that_cannot_be_made(arguments: dict[str, object], text_of: str) -> None:
    with pytest.raises(UsageError, match=text_of):
        region_driver(**arguments)  # type: ignore[arg-type]


def test_a_view_does_not_change() -> None:
    def init(view: RegionView) -> int:
        with pytest.raises(AttributeError):
            view.base = 0  # type: ignore[misc]
        return 0

    run("6.12", region_driver(QMAN, init=init))


def test_a_registry_does_not_change() -> None:
    driver = region_driver(QMAN)
    more: RegionDrivers = KERNEL_DRIVERS.with_driver(driver)
    assert (len(more.rows), more.rows[-1]) == (len(KERNEL_DRIVERS.rows) + 1, driver)
    assert more.named(QMAN) is driver
    with pytest.raises(KeyError):
        KERNEL_DRIVERS.named(QMAN)

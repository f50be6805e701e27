# SPDX-License-Identifier: Apache-2.0
"""What each entry of a device's `memory-region` gives its driver.

A driver asks in one of a few ways. All of them are answered; which one a driver takes is data, where it was read.
Source: of_reserved_mem_device_init_by_idx(), of_reserved_mem_lookup(), of_reserved_mem_region_to_resource(),
drivers/of/of_reserved_mem.c; of_dma_set_restricted_buffer(), drivers/of/device.c (kernel-semantics 5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.device_calls import Answers, RegionCalls
from carveout.boot.driver_registry import Binding, DeviceState
from carveout.boot.result import ConsumerResult, Exactness, MappingKind, Outcome
from carveout.boot.state import EINVAL
from carveout.kernel.device_drivers import Way, device_driver

if TYPE_CHECKING:
    from carveout.board import Consumer
    from carveout.boot.confidence import Confidence
    from carveout.boot.state import EarlyBoot
    from carveout.kernel.device_drivers import Ask, DeviceDriver

_UNKNOWN_RAM = "not known: RAM is not known, pass --memory SIZE@BASE"
_GONE = "the kernel has no such region"
_NO_ADDRESS = "its driver takes the address from reg, and the region has none that can be used"
_RESTRICTED = b"restricted-dma-pool"
_RESTRICTED_FAILS = 'failed to initialise "restricted-dma-pool" memory node'


class Consumers:
    """Binds every device of a board once, in tree order, and then releases what was assigned."""

    def __init__(self, state: EarlyBoot, confidence: Confidence) -> None:
        """Prepare to ask."""
        self._state = state
        self._confidence = confidence
        self._calls = RegionCalls(state)
        self._devices: dict[str, DeviceState] = {}
        self._restricted = _restricted_entries(state)

    def results(self) -> tuple[ConsumerResult, ...]:
        """Return the outcome of every memory-region entry, in tree order."""
        found = [self._result(consumer) for consumer in self._state.board.consumers]
        for device in self._devices.values():
            _release(self._state, device)
        return tuple(found)

    def _result(self, consumer: Consumer) -> ConsumerResult:
        state = self._state
        if consumer.path not in self._devices:
            self._devices[consumer.path] = DeviceState(
                node=consumer.node,
                driver=device_driver(_compatibles(consumer), state.scene.kernel),
                restricted=self._restricted.get(consumer.path),
            )
        device = self._devices[consumer.path]
        driver = device.driver
        ask = driver.ask_for(consumer.index, consumer.name) if driver is not None else None
        way = ask.way if ask is not None else Way.UNUSED if driver is not None else Way.UNKNOWN
        if consumer.index == device.restricted:
            way, ask = Way.DRIVER_CORE, None
        answers = self._calls.answers(consumer, device, way)
        errno, message, log = _outcome(state, answers, way, ask, driver)
        attached = way in (Way.DEVICE_INIT, Way.UNKNOWN, Way.DRIVER_CORE) and answers.is_assigned
        exactness, why = self._judge(consumer, answers, way, driver)
        entry = answers.entry
        return ConsumerResult(
            path=consumer.path,
            index=consumer.index,
            name=consumer.name,
            region=consumer.region,
            errno=errno,
            message=message,
            bound_by=answers.driver_name if attached else None,
            enabled=consumer.enabled,
            found=entry.region.node.path if entry is not None else None,
            base=entry.base if entry is not None else None,
            size=entry.size if entry is not None else None,
            mapping=answers.mapping if attached else MappingKind.NONE,
            asks=way,
            driver=driver.name if driver is not None else None,
            calls=answers.calls,
            log=log,
            exactness=exactness,
            why=why,
        )

    def _judge(
        self, consumer: Consumer, answers: Answers, way: Way, driver: DeviceDriver | None
    ) -> tuple[Exactness, str]:
        if answers.is_unknown:
            return Exactness.UNKNOWN, _UNKNOWN_RAM
        reasons = []
        if answers.entry is not None:
            region = answers.entry.region
            exactness, doubt = self._confidence.of_region(region)
            if exactness is not Exactness.EXACT:
                reasons.append(doubt)
        if answers.doubt is not None and way in (Way.DEVICE_INIT, Way.UNKNOWN):
            reasons.append(answers.doubt)
        if driver is not None and not driver.is_booted and way is not Way.DRIVER_CORE:
            reasons.append(f"what {driver.name} asks for was read, not booted: {driver.source}")
        elif way is Way.UNKNOWN and consumer.enabled and len({error for _, error in answers.calls}) > 1:
            reasons.append("how its driver asks is not known: " + _told(answers))
        elif way is Way.DRIVER_CORE:
            reasons.append("no booted kernel had restricted pools")
        if not reasons:
            return Exactness.EXACT, ""
        return Exactness.MODELLED, "; ".join(reasons)


def _compatibles(consumer: Consumer) -> tuple[str, ...]:
    # A node without compatible is no device: the driver of the one above looks at it.
    parent = consumer.node.parent
    if consumer.compatible or parent is None or (prop := parent.prop("compatible")) is None:
        return consumer.compatible
    texts = prop.value.rstrip(b"\0").decode("utf-8", "surrogateescape").split("\0")
    return tuple(f"{text}/{consumer.node.base_name}" for text in texts)


def _restricted_entries(state: EarlyBoot) -> dict[str, int]:
    # By device: the entry that of_dma_configure() attaches, the first enabled restricted pool. Not behind an IOMMU.
    found: dict[str, int] = {}
    if not state.config.dma_restricted_pool or state.behaviour.restricted_pool != "known":
        return found
    targets = state.board.targets
    for consumer in state.board.consumers:
        target = targets.get(consumer.phandle)
        is_pool = target is not None and target.enabled and _RESTRICTED in target.compatible
        if is_pool and "iommus" not in consumer.node:
            found.setdefault(consumer.path, consumer.index)
    return found


def _told(answers: Answers) -> str:
    return ", ".join(
        f"{way} gives {f'-{error}' if error is not None else 'it'}" for way, error in answers.calls
    )


def _outcome(
    state: EarlyBoot, answers: Answers, way: Way, ask: Ask | None, driver: DeviceDriver | None
) -> tuple[int | None, str | None, tuple[str, ...]]:
    # What the driver ends with: errno, message, lines of the log.
    if answers.is_unknown:
        return None, _UNKNOWN_RAM, ()
    if way is Way.UNUSED:
        return None, "its driver does not look at this entry", ()
    if way is Way.UNKNOWN:
        return _of_unknown_driver(answers)
    if way is Way.DRIVER_CORE:
        if answers.init_errno is None:
            return None, answers.init_message, answers.init_log
        # The device works on without it: the kernel warns and probes its driver.
        return answers.init_errno, answers.init_message, (*answers.init_log, _RESTRICTED_FAILS)
    if way is Way.DEVICE_INIT:
        error, message, log = answers.init_errno, answers.init_message, answers.init_log
    else:
        asked = way
        if way is Way.RESOURCE and state.behaviour.region_resource == "absent":
            asked = Way.LOOKUP
        error, log = dict(answers.calls)[asked], ()
        message = answers.fault if error is not None else answers.remark
        if asked is Way.ADDRESS and error is not None:
            message = answers.fault or _NO_ADDRESS
        if asked is Way.LOOKUP and error is not None and driver is not None:
            error = driver.errno
    if error is not None and ask is not None:
        if not ask.needed or error in ask.tolerates:
            return None, f"-{error}, {message}: its driver goes on without", log
        error = ask.errno or error
    return error, message, log


def _of_unknown_driver(answers: Answers) -> tuple[int | None, str | None, tuple[str, ...]]:
    # A region without a region driver is for those who map it themselves; a pool is asked for by device_init.
    if answers.is_pool or answers.fault is not None:
        return answers.init_errno, answers.init_message, answers.init_log
    if answers.entry is not None and answers.entry.region.outcome is Outcome.RELEASED:
        return EINVAL, "the region was given back to the system", ()
    if answers.entry is not None and answers.entry.region.is_refused:
        return EINVAL, "the region's driver refused it", ()
    return None, answers.remark, ()


def _release(state: EarlyBoot, device: DeviceState) -> None:
    # of_reserved_mem_device_release(): the list of assigned regions begins with the newest.
    for entry in reversed(device.assigned):
        give_back = entry.ops.device_release if entry.ops is not None else None
        if give_back is not None:
            give_back(Binding(state=state, entry=entry, device=device))

# SPDX-License-Identifier: Apache-2.0
"""The map as JSON, schema carveout.map/1: addresses and sizes are hexadecimal strings, counts are numbers.

Fields are added, never renamed or dropped, without a new schema number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from carveout.boot.device_result import Device, RegionDeviceResult
    from carveout.boot.result import Boot, ConsumerResult, Hole, PlacedRegion, Step
    from carveout.boot.scene import ResolvedScene
    from carveout.span import Span

SCHEMA = "carveout.map/1"

# How the source of a fact begins when neither the user nor the tree said it.
_ASSUMED = ("assumed", "default")

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"


def render_json(boot: Boot, *, with_trace: bool = False) -> str:
    """Return the map as indented JSON text in ASCII, keys in a fixed order, ended by a newline."""
    from json import dumps  # only this format needs it

    return dumps(map_value(boot, with_trace=with_trace), indent=1) + "\n"


def map_value(boot: Boot, *, with_trace: bool = False) -> dict[str, Json]:
    """Return the map as the value that render_json() writes. with_trace: add every step of the boot."""
    value: dict[str, Json] = {
        "schema": SCHEMA,
        "scene": scene_value(boot.scene),
        "regions": [region_value(region) for region in boot.regions],
        "cma": [
            {
                "name": area.name,
                "base": hex(area.base),
                "size": hex(area.size),
                "default": area.is_default,
                "exactness": str(area.exactness),
                "why": area.why,
                "region": area.from_region,
                "activated": area.activated,
            }
            for area in boot.cma
        ],
        "memory": [
            {"base": hex(entry.base), "size": hex(entry.size), "nomap": entry.nomap} for entry in boot.memory
        ],
        "reserved": [
            {"base": hex(entry.base), "size": hex(entry.size), "who": entry.who} for entry in boot.reserved
        ],
        "claims": [
            {"base": hex(claim.base), "size": hex(claim.size), "who": claim.who} for claim in boot.claims
        ],
        "consumers": [consumer_value(use) for use in boot.consumers],
        "devices": [_device(device) for device in boot.devices],
        "region_devices": [_region_device(device) for device in boot.region_devices],
        "outcome": str(boot.outcome),
        "failure": boot.failure,
        "exactness": str(boot.exactness),
        "ram_known": boot.ram_known,
        "log": list(boot.log),
        "messages": list(boot.messages),
        "notes": list(boot.notes),
    }
    if with_trace:
        value["trace"] = [step_value(step) for step in boot.trace]
    return value


def scene_value(scene: ResolvedScene) -> dict[str, Json]:
    """Return the scene as JSON has it."""
    return {
        "kernel": scene.kernel,
        "preset": scene.preset,
        "arch": scene.arch,
        "page_size": hex(scene.page_size),
        "memory": [_span(span) for span in scene.memory] if scene.memory_source != "unknown" else None,
        "memory_source": scene.memory_source,
        "cmdline": scene.cmdline,
        "kernel_image": _span(scene.kernel_image),
        "dtb": _span(scene.dtb),
        "initrd": _span(scene.initrd),
        "efi": scene.efi,
        "cpu_va": scene.cpu_va,
        "behaviour": {name: str(scene.behaviour[name]) for name in sorted(scene.behaviour)},
        "assumed": [fact.name for fact in scene.facts if fact.source.startswith(_ASSUMED)],
        "facts": [{"name": fact.name, "value": fact.value, "source": fact.source} for fact in scene.facts],
    }


def region_value(region: PlacedRegion) -> dict[str, Json]:
    """Return a region as JSON has it."""
    return {
        "path": region.path,
        "name": region.name,
        "kind": str(region.kind),
        "base": _hex(region.base),
        "size": _hex(region.size),
        "nomap": region.nomap,
        "reusable": region.reusable,
        "pool": region.pool,
        "driver": region.driver,
        "outcome": str(region.outcome),
        "exactness": str(region.exactness),
        "why": region.why,
        "requested_base": _hex(region.requested_base),
        "requested_size": _hex(region.requested_size),
        "align": _hex(region.align),
        "alloc_ranges": [_span(span) for span in region.alloc_ranges],
        "hole": _hole(region.hole),
        "compatible": list(region.compatible),
        "phandle": _hex(region.phandle),
        "label": region.label,
        "extra": [_span(span) for span in region.extra],
    }


def consumer_value(use: ConsumerResult) -> dict[str, Json]:
    """Return an entry of memory-region as JSON has it."""
    return {
        "path": use.path,
        "index": use.index,
        "name": use.name,
        "region": use.region,
        "errno": use.errno,
        "message": use.message,
        "bound_by": use.bound_by,
        "enabled": use.enabled,
        "found": use.found,
        "base": _hex(use.base),
        "size": _hex(use.size),
        "mapping": str(use.mapping),
        "asks": str(use.asks),
        "driver": use.driver,
        "calls": {str(way): errno for way, errno in use.calls},
        "log": list(use.log),
        "exactness": str(use.exactness),
        "why": use.why,
    }


def _device(device: Device) -> dict[str, Json]:
    return {
        "path": device.path,
        "name": device.name,
        "compatible": list(device.compatible),
        "driver": device.driver,
        "enabled": device.enabled,
        "names": list(device.names),
        "errno": device.errno,
        "iommu": [
            {
                "region": entry.region,
                "iova": hex(entry.iova),
                "size": hex(entry.size),
                "kind": entry.kind,
                "log": list(entry.log),
            }
            for entry in device.iommu
        ],
    }


def _region_device(device: RegionDeviceResult) -> dict[str, Json]:
    return {
        "path": device.path,
        "name": device.name,
        "compatible": device.compatible,
        "driver": device.driver,
        "asks": str(device.asks),
        "base": _hex(device.base),
        "size": _hex(device.size),
        "errno": device.errno,
        "message": device.message,
        "log": list(device.log),
        "exactness": str(device.exactness),
        "why": device.why,
    }


def step_value(step: Step) -> dict[str, Json]:
    """Return a step of the trace as JSON has it."""
    return {
        "kind": str(step.kind),
        "subject": step.subject,
        "reason": step.reason,
        "base": _hex(step.base),
        "size": _hex(step.size),
        "source": step.source,
    }


def _hole(hole: Hole | None) -> Json:
    if hole is None:
        return None
    return {"base": hex(hole.span.start), "size": hex(hole.span.size), "usable": hex(hole.usable)}


def _span(span: Span | None) -> Json:
    return None if span is None else {"base": hex(span.start), "size": hex(span.size)}


def _hex(value: int | None) -> str | None:
    return None if value is None else hex(value)

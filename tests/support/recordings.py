# SPDX-License-Identifier: Apache-2.0
"""The recorded boots of real kernels in tests/data/boots, as plain values.

Nothing is read before it is asked for. Addresses and sizes are int, in bytes. What a recording does not know is
None, or an empty tuple where `limits()` of support.compare says so.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from carveout.boot.scene import Scene
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOOTS = Path(__file__).resolve().parent.parent / "data" / "boots"
KNOWN = BOOTS / "KNOWN.md"


class Entry(NamedTuple):
    """One entry of a memblock list. nid is None where the kernel does not say it."""

    base: int
    size: int
    flags: int
    nid: int | None


class Dump(NamedTuple):
    """One "MEMBLOCK configuration"."""

    memory: tuple[Entry, ...]
    reserved: tuple[Entry, ...]


class RecordedCma(NamedTuple):
    """One `cma: Reserved …` or `cma: Failed to reserve …` line."""

    ok: bool
    mib: int
    base: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRegion:
    """What is known about one child of /reserved-memory; `source` says how (see the README of the data)."""

    name: str
    kind: str
    base: int | None
    size: int | None
    source: str | None
    candidates: tuple[int, ...]
    """Bases one of which is this region's, when several regions of one size cannot be told apart."""
    nomap: bool | None
    reusable: bool | None
    initialized: str | None
    pool: str | None
    alloc_failed: bool
    reserve_failed: bool
    no_match: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyConsole:
    """The second boot of a 32-bit arm machine that died before its log could be printed."""

    messages: tuple[str, ...]
    warnings: tuple[str, ...]
    regions: tuple[RecordedRegion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All boots of one kernel release in one source."""

    source: str
    arch: str
    release: str
    boots: int

    @property
    def id(self) -> str:
        """A name for test output."""
        return f"{self.source}-{self.release}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One boot of a real kernel: what it was given and what it did."""

    source: str
    scenario: str
    title: str
    release: str
    arch: str
    """`arm64`, `arm`, `riscv64` or `ppc64`."""
    page_size: int
    loader: str
    cmdline: str
    dtb_sha256: str
    dtb_at: int
    kernel_image: Span | None
    """What the kernel reserved for itself; for a boot without a log, the place other boots of it have."""
    initrd: Span | None
    outcome: str
    panic: str | None
    dropped_messages: int
    messages: tuple[str, ...]
    """The log lines about reserved memory that the recorder selected, in order."""
    warnings: tuple[str, ...]
    crashkernel: tuple[str, ...]
    regions: tuple[RecordedRegion, ...]
    cma: tuple[RecordedCma, ...]
    cma_reserved_kib: int | None
    """From the `Memory:` line; None when it was not printed."""
    dump: Dump | None
    """The last one of the log."""
    dump_early: Dump | None
    """powerpc: the first one, before any page table."""
    early_console: EarlyConsole | None
    fields: Mapping[str, Any]
    """The whole recording, as it was written: zones, probe, numa, efi, memblock_ops, …"""
    blob: bytes | None = None
    """The tree, of a boot that is not in the data; see `made()`."""

    @property
    def id(self) -> str:
        """The name used in KNOWN.md."""
        return f"{self.scenario}__{self.release}"

    @property
    def dtb(self) -> bytes:
        """The tree this kernel was given."""
        if self.blob is not None:
            return self.blob
        return _files(self.source, self.arch)[f"{self.dtb_sha256}.dtb"]

    @property
    def fragment(self) -> str | None:
        """The source that was added to the base tree, with the boot's parameters in comments."""
        data = _files(self.source, self.arch).get(f"{self.scenario}.dts")
        return None if data is None else data.decode()


def groups() -> tuple[Group, ...]:
    """Return every source and release there is, without opening the recordings."""
    return tuple(
        Group(source=row["source"], arch=row["arch"], release=release, boots=boots)
        for row in json.loads((BOOTS / "index.json").read_text())
        for release, boots in sorted(row["releases"].items())
    )


def recordings(
    *, arch: str | None = None, source: str | None = None, release: str | None = None
) -> tuple[Recording, ...]:
    """Return the recorded boots that match, ordered by source, architecture, scenario and release."""
    found: list[Recording] = []
    for row_source, row_arch in dict.fromkeys((g.source, g.arch) for g in groups()):
        if arch in (None, row_arch) and source in (None, row_source):
            found += [r for r in _recordings(row_source, row_arch) if release in (None, r.release)]
    return tuple(found)


def made(boots: Sequence[tuple[dict[str, Any], bytes]]) -> tuple[Recording, ...]:
    """Return boots that were just made, each a row of the data's form and its tree, as recordings."""
    places = _image_places([row for row, _ in boots])
    return tuple(replace(_recording(row, places), blob=blob) for row, blob in boots)


def recording(name: str) -> Recording:
    """Return one boot by its id, `scenario__release`. Raises KeyError when there is none."""
    for found in recordings(release=name.partition("__")[2]):
        if found.id == name:
            return found
    raise KeyError(name)


def scene_of(recorded: Recording) -> Scene:
    """Return the scene of a boot: only what was put in, nothing that came out of it.

    What a tree and these options cannot say of a powerpc boot is in `recorded.fields`; add it with
    dataclasses.replace() where the scene has a place for it.
    """
    efi = recorded.fields.get("efi")
    return Scene(
        kernel=recorded.release,
        kernel_image=recorded.kernel_image,
        dtb_at=recorded.dtb_at,
        initrd=recorded.initrd,
        cmdline=recorded.cmdline,
        cpu_va=None,
        efi=efi is not None,
        efi_map=None if efi is None else efi_log(efi),
    )


_EFI_COLUMNS = ("RUN", "MR", "CC", "SP", "NV", "XP", "RP", "WP", "RO", "UCE", "WB", "WT", "WC", "UC")


def efi_log(efi: Mapping[str, Any]) -> str:
    """Return the kernel's lines about EFI: those recorded, and the memory map in the form the kernel prints it."""
    lines = [line for line in efi["messages"] if "memattr" not in line]
    for entry in efi["memory_map"]:
        base = int(entry["base"], 16)
        last = base + int(entry["size"], 16) - 1
        flags = "|".join(
            f"{name if name in entry['attributes'] else '':>{max(len(name), 2)}}" for name in _EFI_COLUMNS
        )
        lines.append(f"efi:   0x{base:012x}-0x{last:012x} [{entry['type']:<18}|{flags}]")
    lines += [line for line in efi["messages"] if "memattr" in line]
    return "\n".join(lines)


# ------------------------------------------------------------------ reading


@cache
def _files(source: str, arch: str) -> Mapping[str, bytes]:
    with tarfile.open(BOOTS / f"{source}-{arch}.tar.xz", "r:xz") as tar:
        opened = ((member.name, tar.extractfile(member)) for member in tar)
        return {name: stream.read() for name, stream in opened if stream is not None}


@cache
def _recordings(source: str, arch: str) -> tuple[Recording, ...]:
    text = lzma.decompress((BOOTS / f"{source}-{arch}.jsonl.xz").read_bytes()).decode()
    rows = [json.loads(line) for line in text.splitlines()]
    places = _image_places(rows)
    return tuple(_recording(row, places) for row in rows)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text, 16)


def _span(place: Mapping[str, str] | None) -> Span | None:
    return None if place is None else Span.sized(int(place["base"], 16), int(place["size"], 16))


def _loaded_at(row: Mapping[str, Any]) -> int | None:
    """Where the image's place is counted from: its load address; on 32-bit arm, which moves it, the start of RAM."""
    if row["kernel"]["arch"] == "arm":
        return _number(row["machine"]["ram_base"])
    placed = row["boot"]["kernel_file"]
    return None if placed is None else _number(placed["base"])


def _image_places(rows: list[dict[str, Any]]) -> Mapping[str, tuple[int, int]]:
    """Per release, the image's offset from `_loaded_at` and its size, from the boots that have logged it."""
    places: dict[str, tuple[int, int]] = {}
    for row in rows:
        image, loaded = _span(row["boot"]["kernel_image"]), _loaded_at(row)
        if image is not None and loaded is not None:
            places.setdefault(row["kernel"]["release"], (image.start - loaded, image.size))
    return places


def _image(row: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> Span | None:
    image, loaded = _span(row["boot"]["kernel_image"]), _loaded_at(row)
    if image is not None or loaded is None:
        return image
    if row["kernel"]["release"] in places:
        offset, size = places[row["kernel"]["release"]]
        return Span.sized(loaded + offset, size)
    size_of_header = _number(row["kernel"]["image_size"]) if row["kernel"]["arch"] == "arm64" else None
    return None if size_of_header is None else Span.sized(loaded, size_of_header)


def _entries(rows: list[dict[str, Any]]) -> tuple[Entry, ...]:
    return tuple(
        Entry(int(row["base"], 16), int(row["size"], 16), int(row["flags"], 16), row.get("node"))
        for row in rows
    )


def _dump(row: Mapping[str, Any] | None) -> Dump | None:
    return None if row is None else Dump(_entries(row["memory"]), _entries(row["reserved"]))


def _candidates(row: Mapping[str, Any], ops: list[dict[str, Any]]) -> tuple[int, ...]:
    """The bases this region may have. A run of equal allocations is one entry in `ops`: it is spread out here."""
    bases = {int(base, 16) for base in row.get("candidates", ())}
    for op in ops:
        if op.get("count", 1) > 1 and op["base"] and int(op["base"], 16) in bases:
            bases |= {int(op["base"], 16) - i * int(op["size"], 16) for i in range(op["count"])}
    return tuple(sorted(bases))


def _region(row: Mapping[str, Any], ops: list[dict[str, Any]]) -> RecordedRegion:
    return RecordedRegion(
        name=row["name"],
        kind=row["kind"],
        base=_number(row["base"]),
        size=_number(row["size"]),
        source=row["source"],
        candidates=_candidates(row, ops),
        nomap=row.get("nomap"),
        reusable=row.get("reusable"),
        initialized=row.get("initialized"),
        pool=row.get("pool"),
        alloc_failed=row.get("alloc_failed", False),
        reserve_failed=row.get("reserve_failed", False),
        no_match=row.get("no_match", False),
    )


def _early_console(row: Mapping[str, Any] | None) -> EarlyConsole | None:
    if row is None:
        return None
    return EarlyConsole(
        messages=tuple(row["messages"]),
        warnings=tuple(row["warnings"]),
        regions=tuple(_region(region, []) for region in row["regions"]),
    )


def _recording(row: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> Recording:
    return Recording(
        source=row["source"],
        scenario=row["scenario"],
        title=row["title"],
        release=row["kernel"]["release"],
        arch=row["kernel"]["arch"],
        page_size=row["kernel"]["page_size"],
        loader=row["machine"]["loader"],
        cmdline=row["machine"]["cmdline"],
        dtb_sha256=row["dtb_sha256"],
        dtb_at=int(row["boot"]["fdt"]["base"], 16),
        kernel_image=_image(row, places),
        initrd=_span(row["boot"]["initrd"]),
        outcome=row["outcome"],
        panic=row["panic"],
        dropped_messages=row["dropped_messages"],
        messages=tuple(row["reserved_mem_messages"]),
        warnings=tuple(row["warnings"]),
        crashkernel=tuple(row["crashkernel"]),
        regions=tuple(_region(region, row["memblock_ops"]) for region in row["regions"]),
        cma=tuple(RecordedCma(c["ok"], c["mib"], _number(c["base"])) for c in row["cma"]),
        cma_reserved_kib=None
        if row["memory_line"] is None
        else row["memory_line"].get("cma_reserved_kib", 0),
        dump=_dump(row["memblock_dump"]),
        dump_early=_dump(row.get("memblock_dump_early")),
        early_console=_early_console(row.get("early_console")),
        fields=row,
    )

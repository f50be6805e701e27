# SPDX-License-Identifier: Apache-2.0
"""Ready sequences of requests, for who has no trace: what decoders, cameras, displays and audio ask a pool for.

A workload is a list of streams that start and stop. A stream that starts asks for all its buffers, in their order;
one that stops gives them back, in the same order. Nothing is random: the same workload is the same trace every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.pool.frames import (
    NV12,
    NV15,
    P010,
    RAW10,
    WIDTHS,
    XRGB,
    Buffer,
    bitstream,
    motion,
    picture,
    plain,
)
from carveout.pool.trace import Op, Request, Trace
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.frames import Format
    from carveout.pool.trace import TraceHeader

KIB = 1 << 10

# What a decoder rounds a picture up to: a macroblock, the largest coding tree unit, a superblock.
_ALIGN = {"h264": (16, 16), "hevc": (64, 64), "vp9": (64, 64), "av1": (64, 64)}
# Pictures a decoder must keep at the level that carries this size (H.264 4.1 and 5.1, HEVC 4.1 and 5.1: with the
# current one; VP9 and AV1: 8 slots and the current one).
_REFERENCES = {
    ("h264", "1080p"): 4,
    ("h264", "4k"): 5,
    ("hevc", "1080p"): 6,
    ("hevc", "4k"): 6,
    ("vp9", "1080p"): 9,
    ("vp9", "4k"): 9,
    ("av1", "1080p"): 9,
    ("av1", "4k"): 9,
}
_NAMES = {"h264": "H.264", "hevc": "HEVC", "vp9": "VP9", "av1": "AV1"}
_QUEUED = 3
"""Decoded pictures that wait to be shown: one on the screen, one next, one being put together."""
MOST_REFERENCES = 64


class Stream(NamedTuple):
    """Something that asks for buffers when it starts."""

    name: str
    buffers: tuple[Buffer, ...]

    @property
    def size(self) -> int:
        """Bytes of all its buffers."""
        return sum(buffer.number * buffer.size for buffer in self.buffers)


class Step(NamedTuple):
    """A stream starts, or stops."""

    starts: bool
    stream: str


class Workload(NamedTuple):
    """A named sequence."""

    name: str
    summary: str
    streams: tuple[Stream, ...]
    steps: tuple[Step, ...]


def decoder(codec: str, size: str, *, form: Format = NV12, references: int | None = None) -> Stream:
    """Return a video decoder. references: pictures it keeps; None: as many as the level of this size demands."""
    kept = _REFERENCES[codec, size] if references is None else references
    shape = WIDTHS[size]
    pictures = kept + 1 + _QUEUED if codec == "h264" else kept + _QUEUED
    return Stream(
        f"{_NAMES[codec]} {size}",
        (
            bitstream(4, shape),
            picture("pictures", pictures, shape, form, align=_ALIGN[codec]),
            motion(pictures, shape, codec),
        ),
    )


def display(size: str, buffers: int) -> Stream:
    """Return a screen. buffers: 2 for double, 3 for triple buffering."""
    shape = WIDTHS[size]
    return Stream(f"display {size}", (picture("frame buffers", buffers, shape, XRGB, align=(64, 1)),))


def camera(size: str) -> Stream:
    """Return a camera with its image processor: raw samples in, pictures out, statistics for the control loop."""
    shape = WIDTHS[size]
    return Stream(
        f"camera {size}",
        (
            picture("raw", 4, shape, RAW10, align=(64, 1)),
            picture("pictures", 6, shape, NV12, align=(64, 16)),
            plain("statistics", 4, 160 * KIB, "160 KiB"),
        ),
    )


def encoder(size: str) -> Stream:
    """Return a video encoder: two references, coded data; its pictures are the camera's."""
    shape = WIDTHS[size]
    return Stream(
        f"encoder {size}",
        (
            picture("references", 2, shape, NV12, align=(64, 64)),
            bitstream(3, shape),
            motion(2, shape, "hevc"),
        ),
    )


STILL = Stream(
    "still picture",
    (
        picture("raw", 2, (4000, 3000), RAW10, align=(64, 1)),
        picture("picture", 1, (4000, 3000), NV12, align=(64, 16)),
        plain("JPEG", 1, 4000 * 3000, "4000 x 3000"),
    ),
)
AUDIO = Stream(
    "audio",
    (
        plain("playback rings", 2, 256 * KIB, "256 KiB"),
        plain("capture rings", 2, 128 * KIB, "128 KiB"),
        plain("DSP messages", 4, 16 * KIB, "16 KiB"),
    ),
)


def _once(*streams: Stream) -> tuple[Step, ...]:
    # All start, in order, and stop in the same order.
    return (*(Step(True, s.name) for s in streams), *(Step(False, s.name) for s in streams))


def _simple(name: str, summary: str, *streams: Stream) -> Workload:
    return Workload(name, summary, streams, _once(*streams))


def _switching(name: str, summary: str, low: Stream, high: Stream, screen: Stream) -> Workload:
    # An adaptive stream: the new decoder starts before the old one stops, up and down again, twice.
    steps = [Step(True, screen.name), Step(True, AUDIO.name), Step(True, low.name)]
    for _ in range(2):
        steps += [Step(True, high.name), Step(False, low.name), Step(True, low.name), Step(False, high.name)]
    steps += [Step(False, low.name), Step(False, AUDIO.name), Step(False, screen.name)]
    return Workload(name, summary, (screen, AUDIO, low, high), tuple(steps))


def _pipeline_4k() -> Workload:
    # A recorder: preview, recording, a still picture meanwhile, then playback of what was recorded.
    screen, source = display("4k", 3), camera("4k")
    sink, player = encoder("4k"), decoder("hevc", "4k", form=P010)
    steps = [
        *(Step(True, stream.name) for stream in (screen, AUDIO, source, sink)),
        Step(True, STILL.name),
        Step(False, STILL.name),
        Step(False, sink.name),
        Step(True, player.name),
        Step(False, source.name),
        Step(False, player.name),
        Step(True, source.name),
        *(Step(False, stream.name) for stream in (source, AUDIO, screen)),
    ]
    return Workload(
        "pipeline-4k",
        "a 4K camera with preview, recording, a still picture, then playback in 10 bits",
        (screen, AUDIO, source, sink, STILL, player),
        tuple(steps),
    )


def workloads(references: int | None = None) -> dict[str, Workload]:
    """Return every ready workload by name. references: pictures that decoders keep; None: what the level demands.

    Raises: UsageError for a number that no decoder has.
    """
    if references is not None and not 1 <= references <= MOST_REFERENCES:
        raise UsageError(f"{references} reference pictures: expected 1 to {MOST_REFERENCES}")
    found = []
    for codec in ("h264", "hevc", "vp9", "av1"):
        for size in ("1080p", "4k"):
            stream = decoder(codec, size, references=references)
            found.append(_simple(f"{codec}-{size}", f"{_NAMES[codec]} decoder, {size}, 8 bits", stream))
    for codec in ("hevc", "av1"):
        packed = decoder(codec, "4k", form=NV15, references=references)
        padded = decoder(codec, "4k", form=P010, references=references)
        found += [
            _simple(
                f"{codec}-4k-10bit-packed", f"{_NAMES[codec]} decoder, 4k, 10 bits without padding", packed
            ),
            _simple(f"{codec}-4k-10bit", f"{_NAMES[codec]} decoder, 4k, 10 bits in 16", padded),
        ]
    for size in ("1080p", "4k"):
        found += [
            _simple(f"display-{size}-double", f"a {size} screen, double buffering", display(size, 2)),
            _simple(f"display-{size}-triple", f"a {size} screen, triple buffering", display(size, 3)),
            _simple(f"camera-{size}", f"a {size} camera with image processor", camera(size)),
            _simple(
                f"record-{size}", f"a {size} camera, preview and encoder", camera(size), encoder(size),
                display("1080p", 3),
            ),
        ]  # fmt: skip
    found += [
        _simple("audio", "playback, capture and a DSP", AUDIO),
        _switching(
            "adaptive-h264",
            "an H.264 stream that changes between 1080p and 4k while it plays",
            decoder("h264", "1080p", references=references),
            decoder("h264", "4k", references=references),
            display("1080p", 3),
        ),
        _pipeline_4k(),
    ]
    return {workload.name: workload for workload in found}


def find_workload(name: str, references: int | None = None) -> Workload:
    """Return the workload of this name. Raises: UsageError when there is none."""
    known = workloads(references)
    if name not in known:
        raise UsageError(f"no workload '{name}': expected one of {', '.join(known)}")
    return known[name]


def workload_trace(
    chosen: Sequence[Workload], header: TraceHeader, *, pool: str = "0", times: int = 1
) -> Trace:
    """Return the requests of workloads that run one after the other, each `times` times, in one pool of the header."""
    spec = header.pool(pool)
    requests: list[Request] = []
    next_id = 0
    for workload in chosen:
        streams = {stream.name: stream for stream in workload.streams}
        for _ in range(times):
            held: dict[str, list[int]] = {}
            for step in workload.steps:
                if not step.starts:
                    ids = held.pop(step.stream, [])
                    requests += [Request(op=Op.FREE, id=id_, pool=spec.id) for id_ in ids]
                    continue
                ids = []
                for buffer in streams[step.stream].buffers:
                    for _ in range(buffer.number):
                        ids.append(next_id)
                        requests.append(Request(op=Op.DMA_ALLOC, id=next_id, pool=spec.id, size=buffer.size))
                        next_id += 1
                held[step.stream] = ids
    names = "+".join(workload.name for workload in chosen)
    return Trace(header=replace(header, workload=names), requests=tuple(requests))

# SPDX-License-Identifier: Apache-2.0
"""Ready workloads as text: a list, and the sums behind one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.workloads import Workload
    from carveout.report.terminal import Terminal


def render_list(workloads: Sequence[Workload], *, terminal: Terminal) -> str:
    """Return a line for each workload."""
    width = max(len(workload.name) for workload in workloads)
    lines = [terminal.paint("heading", "Ready workloads: `carveout pool workloads NAME` shows the sums"), ""]
    lines += [f"{workload.name:<{width}}  {workload.summary}" for workload in workloads]
    return "\n".join(lines) + "\n"


def render_one(workload: Workload, *, terminal: Terminal) -> str:
    """Return what a workload asks for, buffer by buffer, and in which order."""
    lines = [terminal.paint("heading", f"{workload.name}: {workload.summary}")]
    for stream in workload.streams:
        lines += ["", f"{stream.name}: {format_size_about(stream.size)}"]
        for buffer in stream.buffers:
            size = format_size_about(buffer.size)
            why = size if buffer.sum == size else f"{size}: {buffer.sum}"
            lines.append(f"  {buffer.number:>2} x {buffer.what:<14} {buffer.size:>10} bytes  ({why})")
    lines += ["", "in this order:"]
    for step in workload.steps:
        lines.append(f"  {'starts' if step.starts else 'stops '}  {step.stream}")
    return "\n".join(lines) + "\n"

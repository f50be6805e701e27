# SPDX-License-Identifier: Apache-2.0
"""Which platform code of 32-bit arm a board runs, if it takes part in early memory set-up.

Source: setup_machine_fdt(), arch/arm/kernel/devtree.c (kernel-semantics 1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.kernel.arm_machines import ARM_MACHINES

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.kernel.arm_machines import ArmMachine


def arm_machine(board: Board) -> ArmMachine | None:
    """Return the machine that the root's compatible names, or None for a generic one."""
    prop = board.tree.root.prop("compatible")
    if prop is None:
        return None
    for text in prop.value.split(b"\0"):
        for machine in ARM_MACHINES:
            if text.startswith(machine.prefix.encode("ascii")):
                return machine
    return None

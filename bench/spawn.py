# SPDX-License-Identifier: Apache-2.0
"""Run one command and print its CPU seconds, peak memory in KiB and exit status.

A process of its own, and a small one: Linux counts the memory of the process that calls exec() into the peak
of the program that it becomes, so a large benchmark must not start the programs it measures. What is printed
is never below this process's own size, which the last number says.
"""

import os
import sys


def main() -> None:
    """Measure the command given as arguments."""
    quiet = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
    _pid, status, usage = os.wait4(pid, 0)
    with open("/proc/self/status", "rb") as lines:  # noqa: PTH123 - pathlib would make this process larger
        own = next((line.split()[1].decode() for line in lines if line.startswith(b"VmHWM:")), "0")
    code = os.waitstatus_to_exitcode(status)
    sys.stdout.write(f"{usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss} {code} {own}\n")


if __name__ == "__main__":
    main()

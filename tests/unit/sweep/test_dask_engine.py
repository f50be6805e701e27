# SPDX-License-Identifier: Apache-2.0
"""A sweep on Dask: a cluster in this process's children, and a scheduler with workers of their own over TCP."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from carveout.errors import UsageError
from carveout.sweep.dask_engine import DaskCluster
from carveout.sweep.engines import Processes
from support.sweep_boards import jobs, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.sweep.plan import Job

pytestmark = [
    pytest.mark.dask,
    # Dask's own threads and sockets are its business.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]  # fmt: skip

QUIET = {
    **os.environ,
    "DASK_DISTRIBUTED__DASHBOARD__LINK": "",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
}


def test_a_local_cluster_gives_the_same_bytes_as_the_process_pool() -> None:
    from distributed import LocalCluster

    wanted = lines(jobs(150), Processes(2))
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        assert lines(jobs(150), DaskCluster(cluster.scheduler_address)) == wanted


@contextmanager
def scheduler() -> Iterator[str]:
    """Give the address of a scheduler of its own process on loopback."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        stderr=subprocess.PIPE, text=True, env=QUIET,
    ) as process:  # fmt: skip
        try:
            yield address_of(process)
        finally:
            process.terminate()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"(tcp://127\.0\.0\.1:\d+)", line):
            # What it says later is read too, so that its pipe does not fill.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return found.group(1)
    raise AssertionError("the scheduler ended")


@contextmanager
def worker(address: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--no-dashboard"], stderr=subprocess.DEVNULL, env=QUIET
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_worker_killed_in_the_middle_changes_nothing() -> None:
    wanted = lines(jobs(600), Processes(2))
    with scheduler() as address, worker(address) as first, worker(address):

        def killing(boards: list[Job]) -> Iterator[Job]:
            for job in boards:
                if job.number == 400:
                    first.send_signal(signal.SIGKILL)
                yield job

        assert lines(killing(jobs(600)), DaskCluster(address)) == wanted
        assert first.wait(10) == -signal.SIGKILL


def test_no_scheduler_is_said() -> None:
    with pytest.raises(UsageError, match="no Dask scheduler answers there"):
        list(DaskCluster("tcp://127.0.0.1:9").run(None, iter(())))  # type: ignore[arg-type]

# SPDX-License-Identifier: Apache-2.0
"""`carveout pool`, from the command line to its output."""

from __future__ import annotations

import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from carveout.cli.main import main
from support.pools import KERNELS, golden, text

if TYPE_CHECKING:
    from pathlib import Path

Out = pytest.CaptureFixture[str]
AREA = ["--area", "linux,cma=256M@0x50000000"]
BOARD_SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


@pytest.fixture
def recorded(tmp_path: Path) -> Any:
    def write(name: str) -> str:
        path = tmp_path / name
        path.write_text(text(name), encoding="utf-8")
        return str(path)

    return write


def run(capsys: Out, *argv: str, code: int = 0) -> str:
    assert main(["pool", *argv]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def fails(capsys: Out, *argv: str, code: int) -> str:
    assert main(["pool", *argv]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


# ---- replay ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("workload", ["dma-1", "pinned-1"])
def test_result_lines_equal_the_recording(workload: str, kernel: str, recorded: Any, capsys: Out) -> None:
    """The contract: one line for each request, with what the kernel gave."""
    name = f"{workload}.k{kernel}"
    lines = [
        json.loads(line)
        for line in run(capsys, "replay", recorded(f"{name}.jsonl"), "--format", "jsonl").splitlines()
    ]
    asked = [op for op in golden(name)[1] if op["op"].endswith("_alloc")]
    assert [line["id"] for line in lines] == [op["id"] for op in asked]
    for line, op in zip(lines, asked, strict=True):
        for key in ("pfn", "addr", "errno", "busy_pfns", "finish_pfn", "no_finish_event"):
            if key in op:
                assert line[key] == op[key]


def test_results_in_the_input_are_not_looked_at(tmp_path: Path, recorded: Any, capsys: Out) -> None:
    given = recorded("dma-1.k6.12.jsonl")
    bare = tmp_path / "bare.jsonl"
    results = {"pfn", "addr", "errno", "busy_pfns", "finish_pfn", "no_finish_event", "available_before"}
    header, ops = golden("dma-1.k6.12")
    kept = [header, *({key: value for key, value in op.items() if key not in results} for op in ops)]
    bare.write_text("".join(json.dumps(line) + "\n" for line in kept))
    assert run(capsys, "replay", given, "--format", "jsonl") == run(
        capsys, "replay", str(bare), "--format", "jsonl"
    )


def test_a_trace_text_tells_what_failed_and_why(recorded: Any, capsys: Out) -> None:
    shown = run(capsys, "replay", recorded("ftrace-dma-1.k6.12.txt"), code=1)
    assert "974 requests, Linux 6.12, 4 KiB pages" in shown
    assert "266 requests for memory, 11 failed (9 fragmentation, 2 alignment)" in shown
    assert "request 225, line 376: ~4.2 MiB aligned to 1 MiB from video-pool@50400000: -12 (ENOMEM)" in shown
    assert "alignment: a free run is long enough, but not from an aligned page on" in shown
    assert "recorded and replayed results are equal in all 503 requests" in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert "\x1b" not in shown


def test_a_trace_of_510_needs_its_areas(recorded: Any, capsys: Out) -> None:
    path = recorded("ftrace-dma-1.k5.10.txt")
    areas = [
        "--area",
        "video=64M@0x50400000",
        "--area",
        "default=48M@0x58000000",
        "--taken",
        "default=384K@0x58000000",
    ]
    assert "results are equal in all 503" in run(capsys, "replay", path, *areas, code=1)
    assert "all are taken to be of one" in run(capsys, "replay", path, code=1)


def test_busy_attempts_can_be_left_out(recorded: Any, capsys: Out) -> None:
    path = recorded("ftrace-pinned-1.k7.2.txt")
    assert "equal in all 291" in run(capsys, "replay", path, code=1)
    ignored = run(capsys, "replay", path, "--busy", "ignored", code=1)
    assert "119 of 291 recorded results differ" in ignored
    assert "recorded 0x52600000 after 33 busy attempts, replayed 0x50500000" in " ".join(ignored.split())
    assert "a page that cannot be moved, or a user whose events are missing" in " ".join(ignored.split())


def test_replay_as_json(recorded: Any, capsys: Out) -> None:
    value = json.loads(
        run(capsys, "replay", recorded("ftrace-dma-1.k7.2.txt"), "--format", "json", "--log", code=1)
    )
    assert value["schema"] == "carveout.pool.replay/1"
    assert [pool["name"] for pool in value["pools"]] == ["video-pool@50400000", "default-pool@58000000"]
    assert value["failed_count"] == len(value["failed"]) == 33
    assert value["failed"][0]["log"][0].startswith("cma: ")
    assert value["difference_count"] == 0
    assert value["compared"] == 503


def test_cost_by_a_calibration(recorded: Any, capsys: Out) -> None:
    path = recorded("ftrace-migrate-fill700.k7.2-icount.txt")
    shown = run(
        capsys, "replay", path, "--calibration", "0.2,0,1", "--unit", "ms", "--busy", "ignored", code=0
    )
    assert "pages migrated, for 14 requests" in shown
    assert "cost by the given calibration: " in shown
    assert " ms" in shown


def test_a_calibration_from_a_trace(recorded: Any, capsys: Out) -> None:
    path = recorded("ftrace-migrate-fill700.k7.2-icount.txt")
    option = run(capsys, "calibrate", path).splitlines()[-1].split()
    assert option[0] == "--calibration"
    shown = run(capsys, "replay", path, *option)
    assert "cost by the given calibration: " in shown
    assert " us" in shown
    assert json.loads(run(capsys, "calibrate", path, "--format", "json"))["unit"] == "us"
    assert "record mm_migrate_pages" in fails(capsys, "calibrate", recorded("ftrace-dma-1.k6.12.txt"), code=3)


def test_lent_pages_have_to_find_room_outside(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "lent.jsonl"
    header = {"kernel": "7.2", "pools": {"0": {"name": "v", "base": 4096, "pages": 512}}}
    lines = [header, {"op": "lend", "count": 500}, {"op": "cma_alloc", "id": 0, "count": 64, "align": 0}]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert "1 failed (1 no target)" in run(capsys, "replay", str(path), "--free-outside", "64K", code=1)
    assert "64 pages scanned, 64 migrated" in run(capsys, "replay", str(path))


def test_svg_of_one_pool(recorded: Any, capsys: Out) -> None:
    path = recorded("ftrace-dma-1.k6.12.txt")
    assert "--pool NAME says which" in fails(capsys, "replay", path, "--format", "svg", code=2)
    picture = run(capsys, "replay", path, "--format", "svg", "--pool", "video-pool@50400000")
    root = ET.fromstring(picture)  # noqa: S314 our own output
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    titles = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert sum("fragmentation" in title for title in titles) == 9


def test_broken_lines(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "cut.txt"
    lines = text("ftrace-dma-1.k6.12.txt").splitlines()
    lines[20] = lines[20][:90]
    path.write_text("\n".join(lines))
    assert f"{path}: line 21: " in fails(capsys, "replay", str(path), code=3)
    shown = run(capsys, "replay", str(path), "--keep-going", code=1)
    assert "1 line left out\n  line 21: " in shown


def test_gzip_and_standard_input(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "trace.gz"
    packed.write_bytes(gzip.compress(text("ftrace-dma-1.k6.12.txt").encode()))
    assert "974 requests" in run(capsys, "replay", str(packed), code=1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text("dma-1.k6.1.jsonl").encode())))
    assert "standard input" in run(capsys, "replay", "-", code=1)


def test_a_packed_file_that_is_cut_off(tmp_path: Path, capsys: Out) -> None:
    packed = tmp_path / "trace.gz"
    packed.write_bytes(gzip.compress(text("ftrace-dma-1.k6.12.txt").encode())[:2000])
    assert "cannot read" in fails(capsys, "replay", str(packed), code=3)


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["replay"], 2, "expected a TRACE, or --workload NAME"),
        (["replay", "x", "--workload", "audio"], 2, "expected a TRACE, or --workload NAME"),
        (["replay", "/nonexistent"], 3, "cannot read /nonexistent"),
        (["replay", "--workload", "audio"], 2, "--workload needs a pool here"),
        (["replay", "--workload", "nothing", *AREA], 2, "no workload 'nothing'"),
        (["replay", "--workload", "audio", "--area", "x=1"], 2, "cannot read memory '1'"),
        (["replay", "--workload", "audio", "--area", "256M@0"], 2, "expected NAME=SIZE@BASE"),
        (["replay", "--workload", "audio", "--area", "x=1M@0x800"], 2, "multiples of the page size"),
        (["replay", "--workload", "audio", *AREA, "--taken", "linux,cma=1M@0x1000"], 2, "not inside of the pool"),
        (["replay", "--workload", "audio", *AREA, "--taken", "y=1M@0x1000"], 2, "no pool 'y'"),
        (["replay", "--workload", "audio", *AREA, "--calibration", "1,2"], 2, "expected A,F,M"),
        (["replay", "--workload", "audio", *AREA, "--calibration", "1,2,nan"], 2, "three numbers"),
        (["replay", "--workload", "audio", *AREA, "--policy", "magic"], 2, "invalid choice"),
        (["replay", "--workload", "audio", *AREA, "--times", "0"], 2, "--times 0"),
        (["show", "x", "--after", "-1"], 2, "--after -1"),
        (["size", "--workload", "audio", "--headroom", "much"], 2, "--headroom"),
        (["size", "--workload", "audio", "--write", "x"], 2, "--write needs --board"),
        (["compare", "--workload", "audio", *AREA, "--policies", "magic"], 2, "--policies: 'magic'"),
        (["compare", "--workload", "audio", *AREA, "--sizes", "0"], 2, "size of 0"),
        (["compare", "--workload", "audio", *AREA, "--kernels", "4.4"], 2, "4.4"),
        (["workloads", "--format", "jsonl"], 2, "which one?"),
        (["sizes"], 2, "did you mean 'size'?"),
        ([], 2, "no pool verb given"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(argv: list[str], code: int, message: str, capsys: Out) -> None:
    assert message in fails(capsys, *argv, code=code)


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        *([verb, "--help"] for verb in ("show", "replay", "size", "compare", "calibrate", "workloads")),
    ],
)
def test_help(argv: list[str], capsys: Out) -> None:
    assert "usage: carveout pool" in run(capsys, *argv)


def test_an_input_is_never_written_over(recorded: Any, capsys: Out) -> None:
    path = recorded("dma-1.k6.12.jsonl")
    for form in ("text", "jsonl"):
        assert "is an input" in fails(capsys, "replay", path, "--format", form, "-o", path, code=2)


# ---- show ------------------------------------------------------------------------------------------------
def test_pools_of_a_board(board_dtb: Path, capsys: Out) -> None:
    shown = run(capsys, "show", str(board_dtb), *BOARD_SCENE)
    assert "booted: Linux 6.12, 4 KiB pages" in shown
    assert "pool: CMA pool, " in shown or "CMA pool, " in shown
    value = json.loads(run(capsys, "show", str(board_dtb), *BOARD_SCENE, "--format", "json"))
    default = next(pool for pool in value["pools"] if pool["kind"] == "cma-default")
    assert default["used"] == "0x60000"
    assert "no pool 'nobody'" in fails(
        capsys, "show", str(board_dtb), *BOARD_SCENE, "--pool", "nobody", code=2
    )


def test_a_state_of_debugfs_as_text_and_as_folder(tmp_path: Path, recorded: Any, capsys: Out) -> None:
    shown = run(capsys, "show", recorded("cma-state-after-pinned-1.k7.2-lab.txt"))
    assert "default-pool@58000000: CMA pool, 0x58000000..0x5affffff, 48 MiB" in shown
    assert "in use 128 KiB" in shown
    folder = tmp_path / "cma" / "video"
    folder.mkdir(parents=True)
    for name, content in (("bitmap", "3 0"), ("base_pfn", "4096"), ("count", "64"), ("order_per_bit", "0")):
        (folder / name).write_text(content + "\n")
    for path in (tmp_path / "cma", folder):
        assert "video: CMA pool, 0x01000000..0x0103ffff, 256 KiB" in run(capsys, "show", str(path))


def test_a_bitmap_alone_needs_its_area(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "bitmap"
    path.write_text("4294967295 0\n")
    assert "does not say of which area" in fails(capsys, "show", str(path), code=3)
    assert "in use 128 KiB" in run(capsys, "show", str(path), "--area", "x=256K@0x40000000")


def test_a_state_is_where_a_trace_starts(recorded: Any, capsys: Out) -> None:
    state = recorded("cma-state-after-pinned-1.k7.2-lab.txt")
    path = recorded("ftrace-dma-1.k7.2.txt")
    assert "equal in all 503" in run(capsys, "replay", path, "--state", state, code=1)


def test_a_trace_after_some_requests(recorded: Any, capsys: Out) -> None:
    path = recorded("ftrace-pinned-1.k7.2.txt")
    shown = run(capsys, "show", path, "--after", "100")
    assert "after 100 of 544 requests" in shown
    assert "largest request that fits: " in shown
    nothing = json.loads(run(capsys, "show", path, "--after", "0", "--format", "json"))
    assert nothing["pools"][0]["used"] == "0x0"
    ET.fromstring(run(capsys, "show", path, "--after", "100", "--format", "svg"))  # noqa: S314 our own output


def test_bufinfo_as_a_state(recorded: Any, capsys: Out) -> None:
    areas = ["--area", "default-pool@58000000=48M@0x58000000"]
    shown = run(capsys, "show", recorded("dmabuf-bufinfo.k7.2-lab.txt"), *areas)
    assert "after 10 of 10 requests" in shown
    assert "not where" in shown


def test_heap_requests(recorded: Any, capsys: Out) -> None:
    areas = ["--area", "video-pool@50400000=64M@0x50400000", "--area", "default-pool@58000000=48M@0x58000000"]
    path = recorded("dma-heap-requests.k7.2-lab.txt")
    assert "heap 'default_cma_region' is no pool's" in fails(capsys, "replay", path, *areas, code=3)


# ---- size ------------------------------------------------------------------------------------------------
def test_the_smallest_size_of_a_workload(capsys: Out) -> None:
    shown = run(capsys, "size", "--workload", "hevc-4k", "--kernel", "6.12")
    assert "linux,cma: smallest size without a failure: 138 MiB (first-fit)" in shown
    assert "size = <0x0 0x8a00000>;  /* 138 MiB */" in shown
    assert "with 64 KiB pages: multiples of 512 MiB: refused: 512 MiB is the next it accepts" in shown
    more = run(capsys, "size", "--workload", "hevc-4k", "--kernel", "6.12", "--headroom", "16M")
    assert "with headroom: 154 MiB" in more


def test_a_size_as_json(recorded: Any, capsys: Out) -> None:
    value = json.loads(run(capsys, "size", recorded("frames-1.k6.12.jsonl"), "--format", "json"))
    (pool,) = value["pools"]
    assert value["schema"] == "carveout.pool.size/1"
    assert (pool["need"], pool["is_smallest"], pool["policy"]) == ("0xb000000", True, "first-fit")
    assert pool["fails_below"]["reason"] == "fragmentation"


def test_another_policy_is_found_by_trying(recorded: Any, capsys: Out) -> None:
    shown = run(capsys, "size", recorded("frames-1.k6.12.jsonl"), "--policy", "best-fit")
    assert "smallest size without a failure: 182 MiB (best-fit; it has 64 MiB)" in shown


def test_the_new_size_is_booted_and_written(board_dtb: Path, tmp_path: Path, capsys: Out) -> None:
    new = tmp_path / "new.dtb"
    argv = ["size", "--workload", "h264-1080p", "--board", str(board_dtb), *BOARD_SCENE, "--pool", "pool"]
    shown = json.loads(run(capsys, "show", str(board_dtb), *BOARD_SCENE, "--format", "json"))
    name = next(pool["name"] for pool in shown["pools"] if pool["kind"] == "cma")
    argv[-1] = name
    answer = run(capsys, *argv, "--write", str(new))
    assert "booted with it: " in answer
    after = json.loads(run(capsys, "show", str(new), *BOARD_SCENE, "--format", "json"))
    sizes = {pool["name"]: int(pool["size"], 16) for pool in after["pools"]}
    assert sizes[name] == 34 << 20
    again = run(
        capsys, "replay", "--workload", "h264-1080p", "--board", str(new), *BOARD_SCENE, "--pool", name
    )
    assert "none failed" in again


def test_a_tree_that_does_not_work_is_not_written(board_dtb: Path, tmp_path: Path, capsys: Out) -> None:
    new = tmp_path / "new.dtb"
    shown = json.loads(run(capsys, "show", str(board_dtb), *BOARD_SCENE, "--format", "json"))
    name = next(pool["name"] for pool in shown["pools"] if pool["kind"] == "cma")
    argv = ["size", "--workload", "audio", "--board", str(board_dtb), *BOARD_SCENE, "--pool", name]
    answer = run(capsys, *argv, "--headroom", "2G", "--write", str(new), code=1)
    assert "is not placed: " in answer
    assert not new.exists()


def test_a_pool_too_large_to_simulate_is_refused(tmp_path: Path, capsys: Out) -> None:
    argv = ["replay", "--workload", "audio", "--area", "x=4T@0x40000000"]
    assert "1073741824 pages, expected 1 to" in fails(capsys, *argv, code=2)
    path = tmp_path / "odd.txt"
    path.write_text(
        "  a-1 [000] ..... 1.0: cma_release: name=x pfn=0x1 page=1 count=1\n"
        "  a-1 [000] ..... 2.0: cma_release: name=x pfn=0xffffffffff page=1 count=1\n"
    )
    assert "pages, expected 1 to" in fails(capsys, "replay", str(path), code=2)


def test_an_area_that_no_region_makes_is_said(board_dtb: Path, capsys: Out) -> None:
    answer = run(capsys, "size", "--workload", "hevc-4k", "--board", str(board_dtb), *BOARD_SCENE)
    assert "reserved: is not made from a region of the tree: cma=" in answer


# ---- compare, workloads ----------------------------------------------------------------------------------
def test_kernels_and_sizes_side_by_side(recorded: Any, capsys: Out) -> None:
    path = recorded("frames-1.k6.12.jsonl")
    shown = run(capsys, "compare", path, "--kernels", "5.10,7.2", "--sizes", "64M,256M")
    rows = [line.split() for line in shown.splitlines() if line.startswith(("5.10", "7.2"))]
    assert [(row[0], row[3]) for row in rows] == [
        ("5.10", "64"),
        ("5.10", "256"),
        ("7.2", "64"),
        ("7.2", "256"),
    ]
    value = json.loads(run(capsys, "compare", path, "--policies", "all", "--format", "json"))
    assert [each["policy"] for each in value["variants"]] == ["first-fit", "best-fit", "top-down", "next-fit"]
    ET.fromstring(run(capsys, "compare", path, "--sizes", "64M,256M", "--no-smallest", "--format", "svg"))  # noqa: S314 our own output


def test_compare_is_about_one_pool(recorded: Any, capsys: Out) -> None:
    path = recorded("dma-1.k6.12.jsonl")
    assert "--pool NAME says which" in fails(capsys, "compare", path, code=2)
    assert "default-pool@58000000" in run(capsys, "compare", path, "--pool", "1", "--no-smallest")


def test_workloads_are_listed_shown_and_written(tmp_path: Path, capsys: Out) -> None:
    assert "pipeline-4k  " in run(capsys, "workloads")
    assert "3840 x 2176 x 3" in run(capsys, "workloads", "hevc-4k-10bit")
    assert json.loads(run(capsys, "workloads", "--format", "json"))["schema"] == "carveout.pool.workloads/1"
    path = tmp_path / "audio.jsonl"
    run(capsys, "workloads", "audio", "--format", "jsonl", *AREA, "--kernel", "6.12", "-o", str(path))
    direct = run(capsys, "replay", "--workload", "audio", *AREA, "--kernel", "6.12", "--format", "jsonl")
    assert run(capsys, "replay", str(path), "--format", "jsonl") == direct

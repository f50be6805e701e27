# SPDX-License-Identifier: Apache-2.0
"""docs/sweep.md holds: its tables of columns are those of the results, its queries run on results."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from carveout.cli.main import main
from carveout.sweep.rows import COLUMNS
from support.sweep_boards import write_boards

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sweep.md").read_text(encoding="utf-8")
TITLES = {"board": "Boards", "cell": "Cells", "region": "Regions", "finding": "Findings"}


def tables() -> str:
    parts = []
    for kind, columns in COLUMNS.items():
        lines = [f'### {TITLES[kind]}: `"kind":"{kind}"`', "", "| column | kind | |", "|---|---|---|"]
        lines += [f"| `{column.name}` | {column.kind} | {column.about} |" for column in columns]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def test_columns_are_documented() -> None:
    assert f"<!-- columns -->\n\n{tables()}\n\n<!-- end of columns -->" in PAGE, tables()


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_boards(tmp_path / "dtbs", 8)
    matrix = ["--kernel", "6.12", "--kernel", "7.2", "--page-size", "4K", "--page-size", "16K"]
    arguments = ["sweep", "dtbs", *matrix, "--engine", "inline", "-q", "--no-check"]
    assert main([*arguments, "--format", "parquet", "-o", "results"]) == 0
    assert main([*arguments[:-1], "-o", "results.jsonl"]) == 0


@pytest.mark.parquet
@pytest.mark.skipif(importlib.util.find_spec("duckdb") is None, reason="needs DuckDB (pip install duckdb)")
@pytest.mark.usefixtures("results")
def test_queries_for_duckdb_run() -> None:
    import duckdb

    first, second = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    lost = duckdb.sql(first).fetchall()
    assert [(board, count) for board, _, count in lost] == [
        (f"dtbs/board-{number:03}.dtb", 1) for number in (0, 0, 7, 7)
    ]
    duckdb.sql(second).fetchall()
    (inline,) = re.findall(r"`(SELECT severity.*?)`", PAGE)
    assert dict(duckdb.sql(inline).fetchall())


@pytest.mark.parquet
@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="needs pandas (pip install pandas)")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.usefixtures("results")
def test_the_program_for_pandas_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})  # noqa: S102 our own page
    assert "dtbs/board-00" in capsys.readouterr().out

# SPDX-License-Identifier: Apache-2.0
"""The table of drivers of devices: the right row for a compatible and a kernel."""

from __future__ import annotations

import pytest

from carveout.kernel.device_drivers import (
    DEVICE_DRIVERS,
    REGION_DEVICES,
    Ask,
    DeviceDriver,
    Way,
    device_driver,
)
from carveout.kernel.release import series_key


@pytest.mark.parametrize(
    ("compatible", "kernel", "name", "way"),
    [
        pytest.param("qcom,sdm845-adsp-pas", "6.1", "qcom_q6v5_pas", Way.ADDRESS, id="6.1"),
        pytest.param("qcom,sdm845-adsp-pas", "6.12", "qcom_q6v5_pas", Way.LOOKUP, id="6.12"),
        pytest.param("qcom,sdm845-adsp-pas", "7.2", "qcom_q6v5_pas", Way.RESOURCE, id="7.2"),
        pytest.param("qcom,sc7280-venus", "6.12", "venus_core", Way.LOOKUP, id="pattern"),
        pytest.param("fsl,qman", "6.12", "fsl_qbman", Way.LOOKUP, id="exact"),
        pytest.param("ti,am64-r5f", "5.10", "ti_k3_rproc", Way.DEVICE_INIT, id="first-entry"),
        pytest.param("qcom,fastrpc", "6.12.117", "fastrpc", Way.DEVICE_INIT, id="stable"),
    ],
)
def test_driver(compatible: str, kernel: str, name: str, way: Way) -> None:
    driver = device_driver(("acme,unknown", compatible), kernel)
    assert driver is not None
    ask = driver.ask_for(0, None)
    assert ask is not None
    assert (driver.name, ask.way) == (name, way)


@pytest.mark.parametrize("compatible", ["", "qcom", "qcom,", "acme,venus", "qcom,sdm845-adsp-pas2"])
def test_unknown_driver(compatible: str) -> None:
    assert device_driver((compatible,), "6.12") is None
    assert device_driver((), "6.12") is None


def test_a_driver_that_does_not_ask_yet() -> None:
    driver = device_driver(("qcom,fastrpc",), "5.10")
    assert driver is not None
    assert driver.ask_for(0, None) is None


def test_entries_by_name_and_number() -> None:
    by_name = Ask(way=Way.LOOKUP, name="firmware")
    rest = Ask(way=Way.DEVICE_INIT, indexes=(0, 1))
    driver = DeviceDriver("x", ("x",), (by_name, rest), "")
    assert driver.ask_for(0, "firmware") is by_name
    assert driver.ask_for(1, "other") is rest
    assert driver.ask_for(2, None) is None


def test_rows_are_of_known_releases_and_say_where_they_are_from() -> None:
    for row in DEVICE_DRIVERS:
        assert series_key(row.since)
        assert row.source
        assert all(text.count("*") <= 1 for text in row.compatibles)
    assert len({row.compatible for row in REGION_DEVICES}) == len(REGION_DEVICES)

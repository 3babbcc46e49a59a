"""What every test shares."""

import pytest

from tests.support.campaign import campaign


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what tests/hardware needs."""
    parser.addoption(
        "--port", default="", help="serial port of a board that is no lock in service (docs/guide/hardware.md)"
    )
    parser.addoption("--board", default="esp32s3-devkitc", help="which board it is")


def pytest_report_header() -> str:
    """Say at the top of the report how much is tried."""
    return "cases: all (campaign)" if campaign() else "cases: a sample; `make campaign` tries all"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keep every test away from the registry of the person who runs it."""
    monkeypatch.setenv("TUMBLER_HOME", str(tmp_path / "tumbler-home"))


@pytest.fixture
def hurry(monkeypatch):
    """Do not pause between tries over a link in memory, which needs none."""
    for pause in ("client.AGAIN_PAUSE", "client.BUSY_PAUSE", "pair.POLL"):
        monkeypatch.setattr(f"tumbler.link.{pause}", 0)


@pytest.fixture
def directory(tmp_path):
    """An empty directory, as text: what tests take that MicroPython runs too (tests/dual/support/run_tests.py)."""
    return str(tmp_path)

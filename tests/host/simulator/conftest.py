"""Shared by the tests of the simulator."""

import pytest


@pytest.fixture
def flash(tmp_path):
    return tmp_path / "flash"

"""The virtual board's flash chip."""

from tests.support.micropython import ROOT, run


def test_the_virtual_flash_chip(tmp_path):
    assert run(ROOT / "tests" / "dual" / "on_micropython" / "flash.py", tmp_path / "image").strip() == "ok"

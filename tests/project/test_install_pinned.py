"""tests/support/install_pinned.py: `make setup` says how far it is, and what pip said when it failed."""

import sys

from tests.support.install_pinned import LAST_LINES, Progress, install

LOCK = """\
# made by hand
cffi==2.1.0 \\
    --hash=sha256:00
winonly==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:00
rich==15.0.0 \\
    --hash=sha256:00
    # via typer
"""


def test_packages_are_counted_as_they_are_fetched_and_installed(tmp_path):
    (tmp_path / "pip-25.dist-info").mkdir()
    progress = Progress(LOCK, tmp_path)
    assert str(progress) == "0 of 3 packages fetched"
    progress.hear("Ignoring winonly: markers 'sys_platform == \"win32\"' don't match your environment\n")
    progress.hear("Collecting cffi==2.1.0 (from -r requirements.lock (line 1))\n")
    progress.hear("  Using cached cffi-2.1.0.whl (200 kB)\n")
    assert str(progress) == "1 of 2 packages fetched"
    progress.hear("Requirement already satisfied: rich==15.0.0 in .venv\n")
    assert str(progress) == "2 of 2 packages fetched"
    progress.hear("Installing collected packages: cffi\n")
    assert str(progress) == "0 of 1 packages installed"
    (tmp_path / "cffi-2.1.0.dist-info").mkdir()
    assert str(progress) == "1 of 1 packages installed"


def fake_pip(text, status=0, seconds=0.0):
    return [sys.executable, "-c", f"import time\nprint({text!r}, flush=True)\ntime.sleep({seconds})\nexit({status})"]


def test_a_log_gets_a_line_at_times(tmp_path, capfd):
    assert (
        install(fake_pip("Collecting cffi==2.1.0\nCollecting rich==15.0.0", seconds=1), Progress(LOCK, tmp_path), 0.1)
        == 0
    )
    assert "  2 of 3 packages fetched\n" in capfd.readouterr().err


def test_a_failure_shows_what_pip_said_last(tmp_path, capfd):
    lines = [f"line {number}" for number in range(50)]
    assert install(fake_pip("\n".join([*lines, "ERROR: no network"]), 1), Progress(LOCK, tmp_path)) == 1
    shown = capfd.readouterr().err.splitlines()
    assert shown == [*lines[-LAST_LINES + 1 :], "ERROR: no network"]

"""The files that belong to the project: what git tracks, and what it would if it were added."""

import subprocess
from pathlib import Path

from tests.support.micropython import ROOT


def tracked() -> list[Path]:
    """Return the paths of all files that git tracks or would, sorted."""
    line = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(ROOT / name for name in names if name and (ROOT / name).is_file())

"""Compile the firmware with mpy-cross, as for a board, and say how many bytes of flash it takes.

`python -m tests.sizes` prints a line a file, `--total` the sum alone. What is compiled stays in build/mpy.
"""

import sys
from pathlib import Path

from host_tools.errors import ToolError
from host_tools.update_file import compile_source
from tests.micropython import ROOT

LIMIT = 112 * 1024  # bytes of .mpy of all firmware, drivers that one board or the other does without included
OUTPUT = ROOT / "build" / "mpy"


def compile_file(source: Path, output: Path) -> int:
    """Compile one file and return its size in bytes; ToolError holds the compiler's message."""
    name = source.relative_to(ROOT)
    target = (output / name).with_suffix(".mpy")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(compile_source(source, name.as_posix()))
    return target.stat().st_size


def compile_all(output: Path = OUTPUT) -> dict[str, int]:
    """Compile every firmware file into `output`; return the bytes of each, by its path here."""
    sources = sorted((ROOT / "firmware").rglob("*.py"))
    return {source.relative_to(ROOT).as_posix(): compile_file(source, output) for source in sources}


def main() -> int:
    """Print the sizes; 1 when a file does not compile or the sum is above the limit."""
    try:
        sizes = compile_all()
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    if "--total" not in sys.argv[1:]:
        for name, size in sizes.items():
            print(f"{size:7,}  {name}")
    total = sum(sizes.values())
    print(f"{total:7,}  bytes of .mpy in {len(sizes)} files; at most {LIMIT:,}")
    return 0 if total <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

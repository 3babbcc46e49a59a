"""Compile the firmware with mpy-cross, as for a board, and say how many bytes of flash it takes.

`python -m tests.support.sizes` prints a line a file, `--total` the sum alone. What is compiled stays in build/mpy.
"""

import sys
from pathlib import Path

from tests.support.micropython import ROOT
from tumbler.errors import ToolError
from tumbler.updates.update_file import compile_source

# Bytes of .mpy of all firmware together. Flash sets it: the smallest board has a file system of 2,048 KiB, and two
# slots
# of this size, with every file rounded up to blocks of 4 KiB, leave more than half of it to the lock's memory. RAM is
# the narrower limit; tests/system/test_heap.py holds it board by board.
LIMIT = 160 * 1024
OUTPUT = ROOT / "build" / "mpy"


def compile_file(source: Path, output: Path) -> int:
    """Compile one file and return its size in bytes; ToolError holds the compiler's message."""
    name = source.relative_to(ROOT / "firmware")
    target = (output / name).with_suffix(".mpy")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(compile_source(source, name.as_posix()))
    return target.stat().st_size


def compile_all(output: Path = OUTPUT) -> dict[str, int]:
    """Compile every firmware file into `output`; return the bytes of each, by its path here."""
    sources = sorted((ROOT / "firmware").rglob("*.py"))
    return {source.relative_to(ROOT / "firmware").as_posix(): compile_file(source, output) for source in sources}


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

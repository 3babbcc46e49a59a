"""Makes README.md and wiring.svg of every board from its description.

python -m tumbler.hardware.write_wiring            names the files that differ; status 1 if there are any
python -m tumbler.hardware.write_wiring --write    writes them
"""

import sys

from . import boards
from .boards import BoardFiles
from .chips import chips
from .schema import Description, get
from .wiring import devices, nets, table
from .wiring_parts import NETS
from .wiring_picture import picture

COMMAND = "python -m tumbler.hardware.write_wiring --write"


def readme(board: BoardFiles) -> str:
    """Return the README.md of a board; its description has no errors and its headers are known."""
    description = board.description
    headers = board.headers or {}
    beside = devices(board)
    lines = [
        f"# {headers['title']}", "",
        f"Made from `board.json` and `headers.json` by `{COMMAND}`; change those.", "",
        "![Wiring](wiring.svg)", "", "## Wiring", "",
        "The picture shows the same rows. A row without a wire is a part between two terminals of its device.", "",
        *table(board), "",
        "| name | |", "| --- | --- |", *(f"| {name} | {NETS[name][1]} |" for name in nets(board)), "",
        "## Parts", "", f"- {headers['title']}",
    ]  # fmt: skip
    parts = [*headers.get("parts", ()), *(part for device in beside for part in device.shopping)]
    lines += [f"- {part.removesuffix('.')}" for part in parts]
    notes = headers["notes"] + [note for device in beside for note in device.notes]
    lines += ["", "## Notes", ""] + [f"- {note}" for note in notes]
    if "flash" in description:
        lines += ["", "## MicroPython and flash", "", *_flash(description)]
    lines += ["", "## Sources", ""] + [f"- {source}" for source in headers["sources"]]
    return "\n".join(lines) + "\n"


def _flash(description: Description) -> list[str]:
    """Return the table of a board's flash, lines of Markdown."""
    chip = chips()[description["mcu"]].name
    flash = description["flash"]
    image = description["micropython"]
    sha = get(description, "micropython.sha256") or "not known here; recorded when an image was first written"
    return [
        "| | |", "| --- | --- |",
        f"| chip | {chip}, flash of {flash['size_kib'] // 1024} MB |",
        f"| build | `{image['build']}`, version {image['version']} |",
        f"| SHA-256 of the image | {sha} |",
        f"| image at | 0x{flash['image_offset']:x} |",
        f"| program | 0x{flash['app_offset']:x} to 0x{flash['app_offset'] + 1024 * flash['app_kib']:x} |",
        f"| file system | 0x{flash['vfs_offset']:x} to 0x{flash['vfs_offset'] + 1024 * flash['vfs_kib']:x},"
        f" {flash['vfs_kib']:,} KiB |",
    ]  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write the files of every board that has headers, or only name those that differ (status 1)."""
    different = 0
    for name in boards.names():
        board = boards.usable(name)
        if board.headers is None:
            continue
        for file, text in (("README.md", readme(board)), ("wiring.svg", picture(board))):
            path = board.path.with_name(file)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                different += 1
                print(f"boards/{name}/{file}")
                if "--write" in arguments:
                    path.write_text(text, encoding="utf-8")
    return 0 if "--write" in arguments else min(different, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

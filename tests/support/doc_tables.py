"""Read tables out of docs/spec/passcodes.md, so that tests can compare every cell with what the program computes."""

import re

from tests.support.micropython import ROOT

TEXT = (ROOT / "docs" / "spec" / "passcodes.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table in the section under a heading, without its title row.

    The table is the first of Markdown, or else the last indented block, whose cells are two spaces or more apart.
    ValueError if there is neither.
    """
    section = re.split(rf"^##+ {re.escape(heading)}$", TEXT, flags=re.MULTILINE)[1].split("\n#", 1)[0]
    table = re.search(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)
    if table:
        lines = table[0].splitlines()[2:]
        return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    blocks = re.findall(r"(?:^    .*\n)+", section, flags=re.MULTILINE)
    if not blocks:
        raise ValueError(f"docs/spec/passcodes.md has no table under {heading!r}")
    return [re.split("  +", line.strip()) for line in blocks[-1].splitlines()[1:]]


def number(cell: str) -> int:
    """Return a number that is written with thousands commas."""
    return int(cell.replace(",", ""))

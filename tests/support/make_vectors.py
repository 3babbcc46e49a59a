"""Write `tests/vectors/*.json`, the files that any implementation of Tumbler is checked against.

`python -m tests.support.make_vectors` writes them; `--check` writes nothing and fails when a file differs from what
its generator makes now, has no generator, or is missing. A file is plain JSON: keys sorted, one case a line.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from tests import generators
from tests.support.micropython import ROOT

VECTORS = ROOT / "tests" / "vectors"
WIDTH = 400  # characters; a longer list or object is spread over several lines


def names() -> list[str]:
    """Return the names of all generators."""
    return sorted(module.name for module in pkgutil.iter_modules(generators.__path__))


def compact(value: object) -> str:
    """Return `value` as JSON on one line; ValueError for what JSON does not have (NaN, infinity)."""
    return json.dumps(value, sort_keys=True, separators=(", ", ": "), ensure_ascii=True, allow_nan=False)


def layout(value: Any, depth: int = 0) -> str:
    """Return `value` as JSON with one case a line.

    The outermost object, a list that holds lists or objects, and whatever is wider than WIDTH are spread over
    lines; the rest stays on one.
    """
    inner = " " * (depth + 1)
    if isinstance(value, dict) and value and (depth == 0 or len(compact(value)) > WIDTH):
        rows = [f"{inner}{compact(key)}: {layout(value[key], depth + 1)}" for key in sorted(value)]
        return "{\n" + ",\n".join(rows) + "\n" + " " * depth + "}"
    nested = isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list, tuple)) for item in value)
    if nested and (depth == 1 or len(compact(value)) > WIDTH):
        rows = [inner + layout(item, depth + 1) for item in value]
        return "[\n" + ",\n".join(rows) + "\n" + " " * depth + "]"
    return compact(value)


def build(name: str) -> str:
    """Return what the vector file `name` must hold, by its generator."""
    value = importlib.import_module(f"tests.generators.{name}").build()
    if not isinstance(value, dict) or not value:
        raise ValueError(f"tests/generators/{name}.py: build() must return a dict with something in it")
    return layout(value) + "\n"


def faults(name: str, folder: Path = VECTORS) -> list[str]:
    """Say what is wrong with one vector file; an empty list when nothing is."""
    path = folder / f"{name}.json"
    if name not in names():
        return [f"{path.name} has no generator: add tests/generators/{name}.py or remove it"]
    if not path.exists():
        return [f"{path.name} is missing: run `make vectors`"]
    if path.read_text(encoding="utf-8") != build(name):
        return [f"{path.name} differs from what its generator makes: run `make vectors` and look at the change"]
    return []


def everything(folder: Path = VECTORS) -> list[str]:
    """Return the names of all generators and of all vector files."""
    return sorted({*names(), *(path.stem for path in folder.glob("*.json"))})


def main() -> int:
    """Write, or with `--check` compare; 1 when something differs."""
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: python -m tests.support.make_vectors [--check]", file=sys.stderr)
        return 2
    if sys.argv[1:]:
        found = [fault for name in everything() for fault in faults(name)]
        print("\n".join(found) or "every vector file is what its generator makes")
        return 1 if found else 0
    VECTORS.mkdir(exist_ok=True)
    for name in names():
        text = build(name)
        (VECTORS / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{len(text):9,} bytes  tests/vectors/{name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())

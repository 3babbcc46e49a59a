"""One suite: pytest on CPython, with the parts that matter repeated in MicroPython.

The drivers import const from the module micropython, which folds constants there. CPython gets a stand-in.
"""

import sys

if sys.implementation.name == "cpython":
    from types import ModuleType

    sys.modules["micropython"] = ModuleType("micropython")
    sys.modules["micropython"].const = lambda value: value  # type: ignore[attr-defined]

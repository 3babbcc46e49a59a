"""What runs on the lock.

`core` is pure logic, `drivers` speak to parts, `app` wires the two together; `main.py` is what a board
starts. The same files run unchanged in MicroPython and in CPython. On a board this
package lies in a slot, as `/a/tumbler_lock`.
"""

VERSION = "0.1.0"  # major, minor, patch: that of pyproject.toml

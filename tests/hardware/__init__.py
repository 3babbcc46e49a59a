"""The suite for a real board: `pytest -n 0 tests/hardware --port PORT --board B` (docs/guide/hardware.md)."""

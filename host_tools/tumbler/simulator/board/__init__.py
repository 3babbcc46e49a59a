"""What runs in MicroPython round the firmware: a machine module, a flash chip, a world (docs/design/simulator.md)."""

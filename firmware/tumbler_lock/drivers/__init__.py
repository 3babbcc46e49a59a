"""Drivers: keypad, clock chip, bolt, signals. Each takes its pins, bus and clock in its constructor."""

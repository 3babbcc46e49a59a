"""Drivers: keypad, clock chips, bolts, signals, contacts, battery, radio. Each gets its hardware by constructor."""

"""Boards as data: the check, the energy estimate, the wiring picture."""

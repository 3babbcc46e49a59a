"""Offline codes: issuing one, explaining one, and the odds of guessing one."""

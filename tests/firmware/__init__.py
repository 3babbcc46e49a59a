"""The firmware, tested in CPython; folders and files as in firmware/."""

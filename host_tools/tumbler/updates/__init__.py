"""Firmware updates as files: built, signed, read."""

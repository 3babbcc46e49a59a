"""Tests of tumbler.flashing."""

"""Tests of tumbler.cli."""

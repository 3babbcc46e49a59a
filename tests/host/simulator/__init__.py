"""Tests of tumbler.simulator."""

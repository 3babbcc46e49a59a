"""Tests of tumbler.updates."""

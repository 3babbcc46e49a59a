"""Tests of tumbler.codes."""

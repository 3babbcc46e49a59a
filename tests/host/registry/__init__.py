"""Tests of tumbler.registry."""

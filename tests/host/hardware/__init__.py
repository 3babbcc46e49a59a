"""Tests of tumbler.hardware."""

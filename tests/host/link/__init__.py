"""Tests of tumbler.link."""

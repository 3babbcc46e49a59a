"""Tests of tumbler_lock.core that need CPython."""

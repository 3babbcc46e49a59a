"""Tests of tumbler_lock.core."""

"""Tests of tumbler_lock.app."""

"""Tests of tumbler_lock.drivers, against models of the parts."""

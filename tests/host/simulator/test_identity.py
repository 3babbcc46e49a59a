"""What makes a virtual lock this lock."""

from tumbler.simulator.identity import EXAMPLE_SECRET, Identity


def test_a_secret_does_not_show():
    assert EXAMPLE_SECRET.hex() not in repr(Identity())
    assert "secret" not in repr(Identity())

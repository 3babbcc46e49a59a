"""Random conversations with a lock, many at once: a sample, or a million frames; on both interpreters."""

import pytest

from tests.dual.support import link_fuzz
from tests.support import micropython
from tests.support.campaign import cases

SCRIPT = micropython.ROOT / "tests" / "dual" / "support" / "link_fuzz.py"


@pytest.mark.parametrize("seed", range(cases(2, 45)))
def test_nothing_happens_that_may_not(directory, seed):
    fuzz = link_fuzz.Fuzz(directory, seed)
    fuzz.run(cases(6_000, 20_000))
    assert fuzz.frames >= cases(6_000, 20_000)
    # It is no use if most of what is said is refused at once.
    assert fuzz.sessions > fuzz.frames // 30
    assert fuzz.done > fuzz.frames // 10
    assert min(fuzz.opened, fuzz.entries) > fuzz.frames // 100


@pytest.mark.parametrize("seed", range(100, cases(101, 110)))
def test_nor_on_micropython(seed):
    """With the heap measured: nothing is kept of what is over."""
    frames = cases(3_000, 12_000)
    said = micropython.run(SCRIPT, seed, frames, timeout=600).split()
    assert said[:3] == ["fuzz:", "seed", str(seed)]
    assert int(said[3]) >= frames

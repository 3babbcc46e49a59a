"""Compare the time-zone rule with its vectors; runs on CPython and MicroPython."""

from tumbler_lock.core.zone import Zone


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    cases = 0
    for case in vectors["rules"]:
        zone = Zone(case["rule"])
        if (zone.standard, zone.phase) != (case["standard"], case["phase"]):
            raise ValueError("zones: %s: standard %d, phase %d" % (case["rule"], zone.standard, zone.phase))
        points = case["points"]
        # Forwards, backwards and in leaps: what a zone remembers of the last question must not matter.
        for order in (points, points[::-1], points[::3] + points[1::3] + points[2::3]):
            for t, day, hour, minute, second in order:
                if zone.local(t) != (day, hour, minute, second):
                    raise ValueError("zones: %s at %d: %s" % (case["rule"], t, zone.local(t)))
                if t + zone.offset(t) != ((day * 24 + hour) * 60 + minute) * 60 + second:
                    raise ValueError("zones: %s at %d: offset %d" % (case["rule"], t, zone.offset(t)))
                cases += 1
    for rule in vectors["malformed"]:
        try:
            Zone(rule)
        except ValueError:
            cases += 1
        else:
            raise ValueError("zones: %r was taken for a rule" % rule)
    return cases

"""Compare the counts of accepted tickets with their vectors; runs on CPython and MicroPython."""

from tumbler_lock.core.policy import Policy, accepted_at, worst_accepted
from tumbler_lock.core.zone import Zone


def check(vectors: dict) -> int:
    """Return the number of cases; ValueError names the one that differs."""
    policies = []
    for packed in vectors["policies"]:
        policy = Policy.unpack(bytes.fromhex(packed))
        if policy.pack().hex() != packed:
            raise ValueError("odds: policy %s is packed as %s" % (packed, policy.pack().hex()))
        policies.append((policy, [worst_accepted(policy, length) for length in vectors["digits"]]))
    cases = 0
    for moment in vectors["moments"]:
        zone = Zone(moment["rule"])
        now = moment["now"]
        for (policy, worst), wanted in zip(policies, moment["accepted"]):
            for length, most, expected in zip(vectors["digits"], worst, wanted):
                found = accepted_at(policy, length, now, zone, moment["weekend"])
                name = "odds: %r, %d digits, %s at %d" % (policy, length, moment["rule"], now)
                if found != expected:
                    raise ValueError("%s: %d, not %d" % (name, found, expected))
                if found > most:
                    raise ValueError("%s: %d, above the bound %d" % (name, found, most))
                cases += 1
    return cases

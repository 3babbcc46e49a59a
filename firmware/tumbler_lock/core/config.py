"""The settings of a lock: one table, and what follows from it (docs/howto/add-a-lock-setting.md).

The bytes in the journal are (docs/spec/storage.md): the format 1; every setting of a fixed size, in the table's order;
the length 1 of the policy and of each text but the time zone; these themselves, in the same order; the time zone, to
the end. A format has the settings that exist since it or an earlier one, and gives the others their defaults. Messages
of the link hold a setting by its number (protocol.py).
"""

from collections import namedtuple

from .policy import STANDARD, Policy
from .zone import Zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    Value = int | str | Policy | tuple[int, int, int]

    class Setting(NamedTuple):
        """A row of the table."""

        name: str
        title: str
        number: int
        since: int
        least: int
        most: int
        default: Value
        unit: str

else:
    Setting = namedtuple("Setting", "name title number since least most default unit")

FORMAT = 2  # the newest one of the journal
SATURDAY_SUNDAY = 0b1100000
AUTOLOCK = 5  # seconds
NO_PASSAGE = (0, 0, 0)
DAYS = "as a mask of days"  # the unit of an int that is one; Monday is bit 0

# name: of Config's attribute, whose comment says what it means. title: in messages, documents and options of the tool.
# number: on the link, ascending. since: the format of the journal that has it first. least, most: the range of an int
# or a mask; bytes of a text. default: every value is of its kind; the time zone must be given. unit: after the range.
# fmt: off
SETTINGS = (
    #       name        title            number since least most default          unit
    Setting("rule",     "time zone",     1,     1,    1,    100, "",              "characters of printable ASCII"),
    Setting("weekend",  "weekend",       2,     1,    1,    126, SATURDAY_SUNDAY, DAYS),
    Setting("autolock", "auto-lock",     3,     1,    1,    60,  AUTOLOCK,        "seconds"),
    Setting("sound",    "sound",         4,     1,    0,    1,   True,            ""),
    Setting("policy",   "policy",        5,     1,    0,    0,   STANDARD,        ""),
    Setting("passage",  "passage hours", 6,     2,    0,    127, NO_PASSAGE,      "as a mask of days; 0 to 23 as hours, 0 without days"),  # noqa: E501
    Setting("name",     "name",          7,     2,    0,    17,  "",              "characters of printable ASCII"),
)
# fmt: on


class Config:
    """All settings of one lock. Every value is checked: ValueError names the setting. zone: the Zone of the rule."""

    rule: str  # POSIX TZ rule of the lock's wall clock
    weekend: int  # mask of its days
    autolock: int  # how long the bolt stays open
    sound: bool  # whether the buzzer sounds; the LED always shines
    policy: Policy  # what is accepted offline
    passage: "tuple[int, int, int]"  # hours in which # alone opens: mask of days, hour they begin, hour they end
    name: str  # what the lock calls itself over Bluetooth; "": the firmware's own name

    def __init__(self, rule: "Value", **others: "Value") -> None:
        others["rule"] = rule
        for setting in SETTINGS:
            setattr(self, setting.name, checked(setting, others.pop(setting.name, setting.default)))
        if others:
            raise TypeError("no such setting: " + ", ".join(sorted(others)))
        self.zone = Zone(self.rule)

    def values(self) -> "dict[str, Value]":
        """Return name -> value of every setting."""
        return {setting.name: getattr(self, setting.name) for setting in SETTINGS}

    def changed(self, **named: "Value") -> "Config":
        """Return the same settings, but for those named. ValueError as for the constructor."""
        values = self.values()
        values.update(named)
        return Config(**values)

    def pack(self) -> bytes:
        """Return the bytes in the journal."""
        fixed, sizes, sized = bytes((FORMAT,)), b"", b""
        for setting in SETTINGS[1:]:
            data = pack_value(getattr(self, setting.name))
            if isinstance(setting.default, (str, Policy)):
                sizes += bytes((len(data),))
                sized += data
            else:
                fixed += data
        return fixed + sizes + sized + self.rule.encode()

    @staticmethod
    def unpack(data: bytes) -> "Config":
        """Inverse of pack(), also for older formats; ValueError if the bytes are no valid configuration."""
        if not data or not 1 <= data[0] <= FORMAT:
            raise ValueError("configuration: unknown format")
        values: "dict[str, Value]" = {}
        sized = []
        at = 1
        try:
            for setting in SETTINGS[1:]:
                if setting.since > data[0]:
                    continue
                if isinstance(setting.default, (str, Policy)):
                    sized.append(setting)
                else:
                    values[setting.name] = unpack_value(setting, data[at:])
                    at += len(pack_value(setting.default))
            rest = at + len(sized)
            for setting in sized:
                end = rest + data[at]
                values[setting.name] = unpack_value(setting, data[rest:end])
                at += 1
                rest = end
        except IndexError:
            raise ValueError("configuration: too short")
        return Config(unpack_value(SETTINGS[0], data[rest:]), **values)


def pack_value(value: "Value") -> bytes:
    """Return the bytes of a value, alike in the journal and on the link."""
    if isinstance(value, Policy):
        return value.pack()
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, tuple) else bytes((int(value),))


def unpack_value(setting: Setting, data: bytes) -> "Value":
    """Return the value that the bytes begin with; of a text and a policy they are all. It may still be out of range.

    IndexError if there are too few bytes, ValueError if they are no policy.
    """
    default = setting.default
    if isinstance(default, Policy):
        return Policy.unpack(bytes(data))
    if isinstance(default, str):
        return "".join([chr(byte) for byte in data])  # checked() refuses what is not ASCII
    return (data[0], data[1], data[2]) if isinstance(default, tuple) else data[0]


def checked(setting: Setting, value: "Value") -> "Value":
    """Return the value; ValueError if it is not one that the setting may have."""
    default, least, most = setting.default, setting.least, setting.most
    if isinstance(value, str):
        good = isinstance(default, str) and least <= len(value) <= most and all(" " <= c <= "~" for c in value)
    elif isinstance(value, tuple):
        days, begin, end = value
        good = isinstance(default, tuple) and least <= days <= most and 0 <= begin <= 23 and 0 <= end <= 23
        good = good and (days > 0 or begin == end == 0)
    elif isinstance(value, Policy):
        good = isinstance(default, Policy)
    else:
        good = not isinstance(default, (str, tuple, Policy)) and least <= value <= most
    if not good:
        raise ValueError("%s: %d to %d %s" % (setting.title, least, most, setting.unit))
    return bool(value) if isinstance(default, bool) else value

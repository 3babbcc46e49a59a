"""What the owner configures on a lock, and its bytes in the journal's header.

offset  size  field
0       1     format, 2
1       1     weekend: bit mask of weekdays, Monday is bit 0
2       1     auto-lock: seconds the bolt stays open, 1 to 60
3       1     sound: 0 or 1
4       1     passage hours, days on which they begin: bit mask of weekdays; 0: there are none
5       1     hour at which they begin, 0 to 23; 0 without days
6       1     hour at which they end, 0 to 23; equal to or below the beginning: on the next day; 0 without days
7       1     length P of the packed policy
8       1     length N of the name, 0 to 17
9       P     policy (policy.py)
9+P     N     name in the Bluetooth advertisement, printable ASCII; none: the firmware's own
9+P+N   rest  time-zone rule, ASCII, at most 100 bytes (zone.py)

Format 1, which is read but not written any more, has no passage hours and no name: the policy's length stands at
offset 4, the policy at 5, the rule after it.
"""

from .policy import STANDARD, Policy
from .zone import Zone

FORMAT = 2
WEEKEND = 0b1100000  # Saturday and Sunday
AUTOLOCK = 5
NO_PASSAGE = (0, 0, 0)
NAME_MAX = 17  # what a scan response holds beside the rest

_FIELDS = ("rule", "weekend", "policy", "autolock", "sound", "passage", "name")


class Config:
    """Settings of one lock; every field is checked, so a Config that exists is usable.

    rule: POSIX TZ rule; weekend: bit mask of weekdays, Monday bit 0, neither none nor all seven;
    autolock: seconds, 1 to 60; sound: False silences the buzzer, never the LED; passage: (days, begin, until) of the
    passage hours, as in the table above; name: for the Bluetooth advertisement, "" for the firmware's own.
    Raises ValueError naming the field.
    """

    def __init__(
        self,
        rule: str,
        weekend: int = WEEKEND,
        policy: "Policy" = STANDARD,
        autolock: int = AUTOLOCK,
        sound: bool = True,
        passage: "tuple[int, int, int]" = NO_PASSAGE,
        name: str = "",
    ):
        self.zone = Zone(rule)
        if len(rule) > 100:
            raise ValueError("time-zone rule: at most 100 characters")
        if not 0 < weekend < 127:
            raise ValueError("weekend: name one to six days")
        if not 1 <= autolock <= 60:
            raise ValueError("auto-lock: 1 to 60 seconds")
        days, begin, until = passage
        if not 0 <= days <= 127:
            raise ValueError("passage hours: the days are a mask of weekdays, 0 to 127")
        if not 0 <= begin <= 23 or not 0 <= until <= 23 or (not days and (begin or until)):
            raise ValueError("passage hours: the hours are 0 to 23, and 0 without days")
        if len(name) > NAME_MAX or not all(" " <= c <= "~" for c in name):
            raise ValueError("name: at most 17 characters of printable ASCII")
        self.rule = rule
        self.weekend = weekend
        self.policy = policy
        self.autolock = autolock
        self.sound = sound
        self.passage = (days, begin, until)
        self.name = name

    def changed(self, **fields) -> "Config":
        """The same settings, but for those named as for the constructor. ValueError as there."""
        values = {name: getattr(self, name) for name in _FIELDS}
        values.update(fields)
        return Config(**values)

    def pack(self) -> bytes:
        """The bytes of the table above."""
        policy = self.policy.pack()
        head = (FORMAT, self.weekend, self.autolock, int(self.sound)) + self.passage + (len(policy), len(self.name))
        return bytes(head) + policy + self.name.encode() + self.rule.encode()

    @staticmethod
    def unpack(data: bytes) -> "Config":
        """Inverse of pack(), also for format 1; ValueError when the bytes are no configuration."""
        if len(data) < 6 or data[0] not in (1, FORMAT):
            raise ValueError("configuration: unknown format")
        head = 9 if data[0] == FORMAT else 5
        if len(data) <= head:
            raise ValueError("configuration: too short")
        if data[3] > 1:
            raise ValueError("configuration: sound is neither 0 nor 1")
        passage, sizes = NO_PASSAGE, (data[4], 0)
        if data[0] == FORMAT:
            passage, sizes = (data[4], data[5], data[6]), (data[7], data[8])
        name_at = head + sizes[0]
        rule_at = name_at + sizes[1]
        if len(data) <= rule_at:
            raise ValueError("configuration: too short")
        for byte in data[name_at:]:
            if not 32 <= byte < 127:
                raise ValueError("configuration: the name or the time-zone rule is not ASCII")
        policy = Policy.unpack(bytes(data[head:name_at]))
        name, rule = bytes(data[name_at:rule_at]).decode(), bytes(data[rule_at:]).decode()
        return Config(rule, data[1], policy, data[2], bool(data[3]), passage, name)

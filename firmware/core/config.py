"""What the owner configures on a lock, and its bytes in the journal's header.

offset  size  field
0       1     format, 1
1       1     weekend: bit mask of weekdays, Monday is bit 0
2       1     auto-lock: seconds the bolt stays open, 1 to 60
3       1     sound: 0 or 1
4       1     length P of the packed policy
5       P     policy (policy.py)
5+P     rest  time-zone rule, ASCII, at most 100 bytes (zone.py)
"""

from .policy import STANDARD, Policy
from .zone import Zone

FORMAT = 1
WEEKEND = 0b1100000  # Saturday and Sunday
AUTOLOCK = 5


class Config:
    """Settings of one lock; every field is checked, so a Config that exists is usable.

    rule: POSIX TZ rule; weekend: bit mask of weekdays, Monday bit 0, neither none nor all seven;
    autolock: seconds, 1 to 60; sound: False silences the buzzer, never the LED.
    Raises ValueError naming the field.
    """

    def __init__(
        self,
        rule: str,
        weekend: int = WEEKEND,
        policy: "Policy" = STANDARD,
        autolock: int = AUTOLOCK,
        sound: bool = True,
    ):
        self.zone = Zone(rule)
        if len(rule) > 100:
            raise ValueError("time-zone rule: at most 100 characters")
        if not 0 < weekend < 127:
            raise ValueError("weekend: name one to six days")
        if not 1 <= autolock <= 60:
            raise ValueError("auto-lock: 1 to 60 seconds")
        self.rule = rule
        self.weekend = weekend
        self.policy = policy
        self.autolock = autolock
        self.sound = sound

    def pack(self) -> bytes:
        """The bytes of the table above."""
        policy = self.policy.pack()
        head = bytes([FORMAT, self.weekend, self.autolock, int(self.sound), len(policy)])
        return head + policy + self.rule.encode()

    @staticmethod
    def unpack(data: bytes) -> "Config":
        """Inverse of pack(); ValueError when the bytes are not a configuration of this format."""
        if len(data) < 6 or data[0] != FORMAT:
            raise ValueError("configuration: unknown format")
        if data[3] > 1:
            raise ValueError("configuration: sound is neither 0 nor 1")
        end = 5 + data[4]
        if len(data) <= end:
            raise ValueError("configuration: too short")
        for byte in data[end:]:
            if not 32 < byte < 127:
                raise ValueError("configuration: the time-zone rule is not ASCII")
        policy = Policy.unpack(bytes(data[5:end]))
        return Config(bytes(data[end:]).decode(), data[1], policy, data[2], bool(data[3]))

"""Stand-in for MicroPython's module `bluetooth` on the virtual board: what a peripheral needs of it, as NimBLE on an
ESP32 behaves, faults included (docs/spec/bluetooth.md, "Traps").

The host plays the clients: it calls the methods under "What clients do", and gets what the firmware does as events.
Attribute values lie here, in buffers that cut what is too long without a word. Handles of values and connections are
small numbers. No radio waves here: the host decides which client is in reach and how fast data move.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

    from .host_pipe import ReportEvent

    Handler = Callable[[int, Tuple[Any, ...]], Any]
    Services = Iterable[Tuple["UUID", Iterable[Tuple["UUID", int]]]]
    Described = List[Dict[str, object]]

LINKS = 4  # at once
BUFFERS = 12  # notifications on their way, over all connections
PAYLOAD = 31  # bytes of an advertisement, and of a scan response
BUFFER = 20  # bytes of an attribute, until the firmware asks for more
MTU_LEAST = 23
MTU_MOST = 517

CONNECT = 1
DISCONNECT = 2
WRITE = 3
READ_REQUEST = 4
MTU = 21

_NO_MEMORY = 12
_NO_DEVICE = 19
_INVALID = 22

_NOTIFY = 0x10  # of a characteristic's flags
_RANDOM = 1  # kind of address


class UUID:
    """A UUID of 16 bits (a number) or 128 bits (text)."""

    def __init__(self, value: "int | str") -> None:
        if isinstance(value, int):
            if not 0 <= value <= 0xFFFF:
                raise ValueError("a short UUID has 16 bits")
            self.text = "%04x" % value
            self._bytes = bytes((value & 255, value >> 8))
        else:
            digits = value.replace("-", "").lower()
            if len(value) != 36 or len(digits) != 32:
                raise ValueError("a UUID is 36 characters")
            self.text = value.lower()
            self._bytes = bytes(reversed(bytes.fromhex(digits)))

    def __iter__(self) -> "Iterator[int]":
        return iter(self._bytes)

    def __len__(self) -> int:
        return len(self._bytes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UUID) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return "UUID('%s')" % self.text


class _Value:
    """An attribute: its flags and its buffer."""

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.data = b""
        self.room = BUFFER
        self.append = False


class _Connection:
    """A connection: its MTU, and the values it subscribed to."""

    def __init__(self) -> None:
        self.mtu = MTU_LEAST
        self.subscribed: "set[int]" = set()
        self.pending = 0  # notifications that the host has not sent yet


class SimulatedRadio:
    """bluetooth.BLE. event(op, **fields): reports to the host."""

    def __init__(self, event: "ReportEvent") -> None:
        self._event = event
        self._handler: "Handler | None" = None
        self._active = False
        self._settings: "dict[str, Any]" = {"mtu": 256, "gap_name": "virtual"}
        self._payloads = [b"", b""]
        self._values: "dict[int, _Value]" = {}
        self.links: "dict[int, _Connection]" = {}

    # What the firmware calls

    def active(self, on: "bool | None" = None) -> bool:
        """Return whether the radio is on; switch it first if asked to. Off forgets services and connections."""
        if on is not None and bool(on) != self._active:
            self._active = bool(on)
            self._values = {}
            self.links = {}
            if not on:
                self._event("off")
        return self._active

    def asleep(self) -> None:
        """The chip sleeps: a radio that is on loses its power, and works again only after it was off and on."""
        if self._active:
            self.links = {}
            self._event("off")

    def config(self, *names: str, **settings: "Any") -> "Any":
        """Change settings, or return the one that is named."""
        self._need()
        if names:
            return self._settings[names[0]]
        for name, value in settings.items():
            if name == "mtu":
                if not MTU_LEAST <= value <= MTU_MOST:
                    raise OSError(_INVALID)
            elif name != "gap_name":
                raise ValueError("unknown config param")
            self._settings[name] = value
        return None

    def irq(self, handler: "Handler") -> None:
        """Have handler(event, data) called for what happens."""
        self._handler = handler

    def gap_advertise(
        self,
        interval_us: "int | None",
        adv_data: "bytes | None" = None,
        resp_data: "bytes | None" = None,
        connectable: bool = True,
    ) -> None:
        """Advertise until a client connects; None stops."""
        self._need()
        if interval_us is None:
            self._event("advertise", on=False)
            return
        for place, payload in enumerate((adv_data, resp_data)):
            if payload is not None:
                if len(payload) > PAYLOAD:
                    raise OSError(_INVALID)
                self._payloads[place] = bytes(payload)
        if connectable and len(self.links) >= LINKS:
            raise OSError(_NO_MEMORY)
        self._event(
            "advertise",
            on=True,
            interval_us=interval_us,
            connectable=connectable,
            advertisement=self._payloads[0].hex(),
            response=self._payloads[1].hex(),
            mtu=self._settings["mtu"],
            name=self._settings["gap_name"],
        )

    def gap_disconnect(self, conn_handle: int) -> bool:
        """Ask for the end of a connection; return False if there is none. The end itself is an interrupt."""
        self._need()
        if self._number(conn_handle) not in self.links:
            return False
        self._event("disconnect", conn=conn_handle)
        return True

    def gatts_register_services(self, services: "Services") -> "tuple[tuple[int, ...], ...]":
        """Replace the services; return the handles of the values, a tuple for each service."""
        self._need()
        self._values = {}
        handles: "list[tuple[int, ...]]" = []
        described: "Described" = []
        for uuid, characteristics in services:
            row: "list[int]" = []
            parts: "Described" = []
            for characteristic in characteristics:
                if len(characteristic) != 2:
                    raise ValueError("no descriptors here")
                handle = len(self._values) + 1
                flags = characteristic[1] & 0xFFFF
                self._values[handle] = _Value(flags)
                row.append(handle)
                parts.append({"uuid": characteristic[0].text, "flags": flags, "handle": handle})
            handles.append(tuple(row))
            described.append({"uuid": uuid.text, "characteristics": parts})
        self._event("services", services=described)
        return tuple(handles)

    def gatts_read(self, value_handle: int) -> bytes:
        """Return a value."""
        return self._value(value_handle).data

    def gatts_write(self, value_handle: int, data: bytes, send_update: bool = False) -> None:
        """Set a value; send_update: notify the clients that subscribed."""
        value = self._value(value_handle)
        value.data = bytes(data)
        value.room = max(value.room, len(data))
        if send_update:
            for conn, link in self.links.items():
                if value_handle in link.subscribed:
                    self.gatts_notify(conn, value_handle)

    def gatts_notify(self, conn_handle: int, value_handle: int, data: "bytes | None" = None) -> None:
        """Send a notification to a client, subscribed or not; what is longer than the MTU allows is cut."""
        value = self._value(value_handle)
        link = self.links.get(self._number(conn_handle))
        if link is None:
            raise OSError(_INVALID)
        if sum(each.pending for each in self.links.values()) >= BUFFERS:
            raise OSError(_NO_MEMORY)
        link.pending += 1
        data = bytes(value.data if data is None else data)[: link.mtu - 3]
        self._event("notify", conn=conn_handle, handle=value_handle, value=data.hex())

    def gatts_set_buffer(self, value_handle: int, length: int, append: bool = False) -> None:
        """Change how much a value holds, and whether writes are appended to it."""
        value = self._value(value_handle)
        value.room = length
        value.append = append

    def _need(self) -> None:
        if not self._active:
            raise OSError(_NO_DEVICE)

    def _value(self, handle: int) -> _Value:
        value = self._values.get(handle)
        if value is None:
            raise OSError(_INVALID)
        return value

    @staticmethod
    def _number(handle: object) -> int:
        if not isinstance(handle, int):
            raise TypeError("can't convert %s to int" % type(handle).__name__)
        return handle

    # What clients do, as the host says

    def connected(self, conn: int, address: bytes) -> None:
        """A client connects. address: 6 bytes, in the order in which they are written. ValueError if there is no room,
        or no radio."""
        if not self._active or conn in self.links or len(self.links) >= LINKS:
            raise ValueError("the radio takes no connection %d" % conn)
        self.links[conn] = _Connection()
        self._interrupt(CONNECT, (conn, _RANDOM, address))

    def disconnected(self, conn: int) -> None:
        """A client is gone."""
        if self.links.pop(conn, None) is not None:
            self._interrupt(DISCONNECT, (conn, _RANDOM, bytes(6)))

    def exchanged(self, conn: int, mtu: int) -> None:
        """A client asked for an MTU, and got this one."""
        self._link(conn).mtu = mtu
        self._interrupt(MTU, (conn, mtu))

    def subscribed(self, conn: int, handle: int, on: bool) -> None:
        """A client subscribes to a value, or unsubscribes."""
        subscribed = self._link(conn).subscribed
        if on:
            subscribed.add(handle)
        else:
            subscribed.discard(handle)

    def written(self, conn: int, handle: int, data: bytes) -> None:
        """A client wrote a value, which is acknowledged already."""
        self._link(conn)
        value = self._value(handle)
        value.data = ((value.data if value.append else b"") + data)[: value.room]
        self._interrupt(WRITE, (conn, handle))

    def read(self, conn: int, handle: int) -> "bytes | int":
        """A client reads a value: return it, or the number of an ATT error."""
        self._link(conn)
        value = self._value(handle)
        refused: int = self._interrupt(READ_REQUEST, (conn, handle)) or 0
        return refused or value.data

    def sent(self, conn: int, count: int) -> None:
        """So many notifications have left: their buffers are free."""
        link = self._link(conn)
        link.pending = max(0, link.pending - count)

    def _link(self, conn: int) -> _Connection:
        link = self.links.get(conn)
        if link is None:
            raise ValueError("there is no connection %d" % conn)
        return link

    def _interrupt(self, event: int, data: "tuple[Any, ...]") -> "Any":
        """Call the firmware's handler; an exception in it is printed and dropped, as on a board."""
        if self._handler is None:
            return None
        try:
            return self._handler(event, data)
        except Exception as error:  # noqa: BLE001 -- what the real binding does
            sys.print_exception(error, sys.stderr)  # type: ignore[arg-type]  # the stubs know files only
            return None


class SimulatedBluetooth:
    """The module `bluetooth`. event: see SimulatedRadio."""

    UUID = UUID
    FLAG_READ = 0x02
    FLAG_WRITE_NO_RESPONSE = 0x04
    FLAG_WRITE = 0x08
    FLAG_NOTIFY = _NOTIFY
    FLAG_INDICATE = 0x20

    def __init__(self, event: "ReportEvent") -> None:
        self.radio = SimulatedRadio(event)

    def BLE(self) -> SimulatedRadio:  # noqa: N802 -- as in bluetooth
        """Return the radio."""
        return self.radio

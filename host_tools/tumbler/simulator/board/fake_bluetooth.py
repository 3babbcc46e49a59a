"""Stand-in for MicroPython's module `bluetooth` on the virtual board: a peripheral's half of it, as NimBLE on an
ESP32 behaves, faults included (docs/spec/bluetooth.md, "Traps").

The host plays the other end: it calls the methods under "The air", and is told what the firmware does by events.
Attribute values live here, in buffers that cut what is too long without a word. Handles of values and connections
are small numbers. Nothing is radio here: who is in reach and how fast it goes is the host's business.
"""

import sys

LINKS = 4  # at once
BUFFERS = 12  # notifications on their way, over all links
PAYLOAD = 31  # bytes of an advertisement, and of a scan response
BUFFER = 20  # bytes of an attribute, until the firmware asks for more
MTU_LEAST = 23
MTU_MOST = 517

_CONNECT = 1
_DISCONNECT = 2
_WRITE = 3
_READ_REQUEST = 4
_MTU = 21

_NO_MEMORY = 12
_NO_DEVICE = 19
_INVALID = 22

_NOTIFY = 0x10  # of a characteristic's flags
_RANDOM = 1  # kind of address


class UUID:
    """A UUID of 16 bits (a number) or 128 bits (text)."""

    def __init__(self, value):
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

    def __iter__(self):
        return iter(self._bytes)

    def __len__(self):
        return len(self._bytes)

    def __eq__(self, other):
        return self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return "UUID('%s')" % self.text


class _Value:
    """An attribute: its flags, and its buffer."""

    def __init__(self, flags):
        self.flags = flags
        self.data = b""
        self.room = BUFFER
        self.append = False


class _Link:
    """A connection: its MTU, and which values it subscribed to."""

    def __init__(self):
        self.mtu = MTU_LEAST
        self.subscribed = set()
        self.pending = 0  # notifications that the host has not sent yet


class Radio:
    """bluetooth.BLE. event(op, **fields): tells the host."""

    def __init__(self, event):
        self._event = event
        self._handler = None
        self._active = False
        self._settings = {"mtu": 256, "gap_name": "virtual"}
        self._payloads = [b"", b""]
        self._values = {}
        self.links = {}

    # What the firmware calls

    def active(self, on=None):
        """Switch on or off, or ask. Off forgets services and links."""
        if on is not None and bool(on) != self._active:
            self._active = bool(on)
            self._values = {}
            self.links = {}
            if not on:
                self._event("off")
        return self._active

    def asleep(self):
        """The chip sleeps: a radio that is on loses its power and is of no use until it was switched off and on."""
        if self._active:
            self.links = {}
            self._event("off")

    def config(self, *names, **settings):
        """Set, or ask for one setting by name."""
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

    def irq(self, handler):
        """Have handler(event, data) called for what happens."""
        self._handler = handler

    def gap_advertise(self, interval_us, adv_data=None, resp_data=None, connectable=True):
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

    def gap_disconnect(self, conn_handle):
        """Ask for the end of a connection; False when there is none. The end itself is an interrupt."""
        self._need()
        if self._number(conn_handle) not in self.links:
            return False
        self._event("disconnect", conn=conn_handle)
        return True

    def gatts_register_services(self, services):
        """Replace the services; returns the handles of the values, a tuple for each service."""
        self._need()
        self._values = {}
        handles = []
        told = []
        for uuid, characteristics in services:
            row = []
            parts = []
            for characteristic in characteristics:
                if len(characteristic) != 2:
                    raise ValueError("no descriptors here")
                handle = len(self._values) + 1
                flags = characteristic[1] & 0xFFFF
                self._values[handle] = _Value(flags)
                row.append(handle)
                parts.append({"uuid": characteristic[0].text, "flags": flags, "handle": handle})
            handles.append(tuple(row))
            told.append({"uuid": uuid.text, "characteristics": parts})
        self._event("services", services=told)
        return tuple(handles)

    def gatts_read(self, value_handle):
        """The value that is there."""
        return self._value(value_handle).data

    def gatts_write(self, value_handle, data, send_update=False):
        """Set a value; send_update: notify those who subscribed."""
        value = self._value(value_handle)
        value.data = bytes(data)
        value.room = max(value.room, len(data))
        if send_update:
            for conn, link in self.links.items():
                if value_handle in link.subscribed:
                    self.gatts_notify(conn, value_handle)

    def gatts_notify(self, conn_handle, value_handle, data=None):
        """Send a notification, to whoever it is, subscribed or not; what is longer than the MTU allows is cut."""
        value = self._value(value_handle)
        link = self.links.get(self._number(conn_handle))
        if link is None:
            raise OSError(_INVALID)
        if sum(each.pending for each in self.links.values()) >= BUFFERS:
            raise OSError(_NO_MEMORY)
        link.pending += 1
        data = bytes(value.data if data is None else data)[: link.mtu - 3]
        self._event("notify", conn=conn_handle, handle=value_handle, value=data.hex())

    def gatts_set_buffer(self, value_handle, length, append=False):
        """Change how much a value holds, and whether writes are put behind each other."""
        value = self._value(value_handle)
        value.room = length
        value.append = append

    def _need(self):
        if not self._active:
            raise OSError(_NO_DEVICE)

    def _value(self, handle):
        value = self._values.get(handle)
        if value is None:
            raise OSError(_INVALID)
        return value

    @staticmethod
    def _number(handle):
        if not isinstance(handle, int):
            raise TypeError("can't convert %s to int" % type(handle).__name__)
        return handle

    # The air: what the host calls

    def connected(self, conn, address):
        """A client is there. address: 6 bytes, as one writes it. ValueError when there is no room, or no radio."""
        if not self._active or conn in self.links or len(self.links) >= LINKS:
            raise ValueError("the radio takes no connection %d" % conn)
        self.links[conn] = _Link()
        self._interrupt(_CONNECT, (conn, _RANDOM, address))

    def disconnected(self, conn):
        """It is gone."""
        if self.links.pop(conn, None) is not None:
            self._interrupt(_DISCONNECT, (conn, _RANDOM, bytes(6)))

    def exchanged(self, conn, mtu):
        """The client asked for an MTU, and this came of it."""
        self._link(conn).mtu = mtu
        self._interrupt(_MTU, (conn, mtu))

    def subscribed(self, conn, handle, on):
        """It wants updates of a value, or no more."""
        subscribed = self._link(conn).subscribed
        if on:
            subscribed.add(handle)
        else:
            subscribed.discard(handle)

    def written(self, conn, handle, data):
        """It wrote a value, which is already acknowledged."""
        self._link(conn)
        value = self._value(handle)
        value.data = ((value.data if value.append else b"") + data)[: value.room]
        self._interrupt(_WRITE, (conn, handle))

    def read(self, conn, handle):
        """It reads a value: bytes, or the number of an ATT error."""
        self._link(conn)
        value = self._value(handle)
        refused = self._interrupt(_READ_REQUEST, (conn, handle))
        return refused or value.data

    def sent(self, conn, count):
        """That many notifications are on the air; their buffers are free."""
        link = self._link(conn)
        link.pending = max(0, link.pending - count)

    def _link(self, conn):
        link = self.links.get(conn)
        if link is None:
            raise ValueError("there is no connection %d" % conn)
        return link

    def _interrupt(self, event, data):
        """Call the firmware's handler; as on a board, an exception in it is printed and forgotten."""
        if self._handler is None:
            return None
        try:
            return self._handler(event, data)
        except Exception as error:  # noqa: BLE001 -- what the real binding does
            sys.print_exception(error, sys.stderr)
            return None


class Bluetooth:
    """The module `bluetooth`. event: see Radio."""

    UUID = UUID
    FLAG_READ = 0x02
    FLAG_WRITE_NO_RESPONSE = 0x04
    FLAG_WRITE = 0x08
    FLAG_NOTIFY = _NOTIFY
    FLAG_INDICATE = 0x20

    def __init__(self, event):
        self.radio = Radio(event)
        self.BLE = lambda: self.radio

"""Bluetooth controllers round a virtual lock: bumble's, with what those leave out (docs/design/simulator.md).

Added: data that moves at connection events only, the answer to a scan, an attempt to connect that can be cancelled or
refused, a reset that ends connections, and the loss of a whole controller.
"""

import asyncio
import dataclasses
from collections.abc import Callable

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

REFUSAL_SECONDS = 0.05  # a client without an answer believes in a connection until it has missed six events

_FEATURES = Controller.le_features & ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
_LOST = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
_REFUSED = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR


EVENT_PACKETS = 8  # in a connection event, both directions together: what fits into some 20 ms of air time


class PacedLink(LocalLink):
    """Connects controllers. Data moves at connection events only, one every `interval` seconds with EVENT_PACKETS
    packets each; at once without an interval."""

    def __init__(self, interval: float | None = None):
        super().__init__()  # type: ignore[no-untyped-call]  # bumble's has no types
        self._interval = interval
        self._waiting: list[Callable[[], None]] = []

    def at_event(self, action: Callable[[], None]) -> None:
        """Do something at the next connection event, after what was sent before it."""
        loop = asyncio.get_running_loop()
        if self._interval is None:
            loop.call_soon(action)
            return
        self._waiting.append(action)
        if len(self._waiting) == 1:
            self._plan(self._interval)

    def _plan(self, interval: float) -> None:
        """Plan the next connection event."""
        loop = asyncio.get_running_loop()
        loop.call_at((loop.time() // interval + 1) * interval, self._event, interval)

    def _event(self, interval: float) -> None:
        actions, self._waiting = self._waiting[:EVENT_PACKETS], self._waiting[EVENT_PACKETS:]
        if self._waiting:
            self._plan(interval)
        for action in actions:
            action()

    def send_acl_data(
        self, sender_controller: Controller, destination_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        """Move a packet of a connection."""
        sender = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if sender is not None and receiver is not None:
            source = sender.self_address
            self.at_event(lambda: receiver.on_link_acl_data(source, transport, data))

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Move a packet of the link layer; it is dropped if the receiver is gone."""
        receiver = self.find_le_controller(receiver_address)
        if receiver is not None:
            self.at_event(lambda: receiver.on_ll_control_pdu(sender_address, packet))


@dataclasses.dataclass
class _Advertisement(ll.AdvInd):
    """An advertisement with the answer to a scan, which bumble's leaves out."""

    response: bytes = b""


def drop_links(controller: Controller) -> None:
    """End all connections of a controller; the other ends find out."""
    for connection in list(controller.le_connections.values()):
        connection.send_ll_control_pdu(ll.TerminateInd(_LOST))
        controller.on_le_disconnected(connection, _LOST)


class LockController(Controller):
    """The lock's controller: accepts a connection while it advertises; otherwise it tells the client so."""

    le_features = _FEATURES

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        """Advertise, together with the answer to a scan."""
        if isinstance(packet, ll.AdvInd):
            response = self.le_legacy_advertiser.scan_response_data
            packet = _Advertisement(packet.advertiser_address, packet.data, response)
        super().send_advertising_pdu(packet)

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Read the interval in units of 0.625 ms; bumble reads ms."""
        answer = super().on_hci_le_set_advertising_parameters_command(command)
        self.le_legacy_advertiser.advertising_interval_min = command.advertising_interval_min * 5 // 8
        return answer

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        """Accept the connection that a client began, or tell the client that there is none."""
        if packet.advertiser_address != self.random_address:
            return
        if self.le_legacy_advertiser.enabled and packet.initiator_address not in self.le_connections:
            super().on_le_connect_ind(packet)
        else:
            asyncio.get_running_loop().call_later(REFUSAL_SECONDS, self._refuse, packet)

    def _refuse(self, packet: ll.ConnectInd) -> None:
        if self.link is not None:
            self.link.send_ll_control_pdu(
                packet.advertiser_address, packet.initiator_address, ll.TerminateInd(_REFUSED)
            )

    def drop(self) -> None:
        """Lose power: every connection is lost, and advertising stops."""
        self.le_legacy_advertiser.stop()
        drop_links(self)
        if self.link is not None:
            self.link.remove_controller(self)


class ClientController(Controller):
    """A client's controller."""

    le_features = _FEATURES

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report the advertisement if the client scans; begin a connection if the client waits for this lock."""
        if not isinstance(pdu, _Advertisement):
            return
        if self.le_scan_enable:
            event = hci.HCI_LE_Advertising_Report_Event
            self._report(event.EventType.ADV_IND, pdu.advertiser_address, pdu.data)
            if self.le_scan_type == hci.HCI_LE_Set_Scan_Parameters_Command.ACTIVE_SCANNING:
                self._report(event.EventType.SCAN_RSP, pdu.advertiser_address, pdu.response)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _report(self, kind: int, address: hci.Address, data: bytes) -> None:
        event = hci.HCI_LE_Advertising_Report_Event
        report = event.Report(event_type=kind, address_type=address.address_type, address=address, data=data, rssi=-50)
        self.send_hci_packet(event([report]))

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Stop waiting for an advertisement, and say so; otherwise the client's stack would wait for ever."""
        pending = self.pending_le_connection
        if pending is not None:
            self.pending_le_connection = None
            self.send_hci_packet(
                hci.HCI_LE_Connection_Complete_Event(
                    status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                    connection_handle=0,
                    role=hci.Role.CENTRAL,
                    peer_address_type=pending.peer_address.address_type,
                    peer_address=pending.peer_address,
                    connection_interval=0,
                    peripheral_latency=0,
                    supervision_timeout=0,
                    central_clock_accuracy=0,
                )
            )
        return super().on_hci_le_create_connection_cancel_command(command)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Reset: end connections, scan and attempts to connect."""
        self.le_scan_enable = False
        self.pending_le_connection = None
        drop_links(self)
        return super().on_hci_reset_command(command)

"""What the receiver allows, taken from the settings in one place."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass

from triage.config import DicomSettings, Settings, TlsSettings
from triage.domain.errors import ConfigError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class CallingPeer:
    """A calling AE that may store; `network` None = from anywhere, `most` None = the common limit."""

    ae_title: str
    network: _Network | None = None
    most: int | None = None

    def is_at(self, address: str) -> bool:
        """Tell whether this peer may call from `address`."""
        if self.network is None:
            return True
        called_from = ipaddress.ip_address(address)
        mapped = getattr(called_from, "ipv4_mapped", None)
        return (mapped or called_from) in self.network


@dataclass(frozen=True, slots=True)
class ReceiverPolicy:
    """Limits in seconds and bytes. `sockets_waiting` bounds connections without an association yet."""

    ae_title: str = "TRIAGE"
    host: str = "127.0.0.1"
    port: int = 11112
    peers: tuple[CallingPeer, ...] = ()
    accept_unknown_peers: bool = False
    max_associations: int = 50
    max_associations_per_peer: int = 25
    max_pdu: int = 131072
    max_object_bytes: int = 4 * 1024**3
    pdu_timeout_s: float = 30.0
    idle_timeout_s: float = 60.0
    association_request_timeout_s: float = 5.0
    association_limit_s: float = 3600.0
    close_timeout_s: float = 5.0
    drain_s: float = 10.0
    low_water_bytes: int = 1024**3
    sockets_waiting: int = 64
    tls: ssl.SSLContext | None = None


def policy_from(settings: Settings) -> ReceiverPolicy:
    """Return the receiver's policy; raises ConfigError naming the key that is wrong."""
    dicom = settings.dicom
    return ReceiverPolicy(
        ae_title=dicom.ae_title,
        host=dicom.host,
        port=dicom.port,
        peers=_peers(dicom),
        accept_unknown_peers=dicom.accept_unknown_peers,
        max_associations=dicom.max_associations,
        max_associations_per_peer=dicom.max_associations_per_peer,
        max_pdu=dicom.max_pdu,
        max_object_bytes=dicom.max_object_bytes,
        pdu_timeout_s=dicom.pdu_timeout_s,
        idle_timeout_s=dicom.idle_timeout_s,
        association_request_timeout_s=dicom.association_request_timeout_s,
        association_limit_s=dicom.association_limit_s,
        low_water_bytes=settings.spool.low_water_bytes,
        tls=None if dicom.tls is None else server_context(dicom.tls),
    )


def _peers(dicom: DicomSettings) -> tuple[CallingPeer, ...]:
    peers = []
    for number, peer in enumerate(dicom.peers):
        try:
            network = ipaddress.ip_network(peer.address, strict=False) if peer.address else None
        except ValueError as mistake:
            key = f"dicom.peers.{number}.address"
            raise ConfigError(
                key, f"{peer.address!r} is no IP address or network", "Write 10.0.0.7."
            ) from mistake
        peers.append(CallingPeer(peer.ae_title, network, peer.max_associations))
    return tuple(peers)


def server_context(tls: TlsSettings) -> ssl.SSLContext:
    """Return the TLS context of PS3.15 B.12: TLS 1.2 or newer, client certificates when asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.ca is not None:
            context.load_verify_locations(tls.ca)
    except OSError as trouble:  # ssl.SSLError is an OSError
        raise ConfigError(
            "dicom.tls", f"cannot be loaded ({trouble})", "Name readable PEM files."
        ) from trouble
    if tls.require_client_certificate:
        if tls.ca is None:
            raise ConfigError("dicom.tls.ca", "is missing", "Name the CA that signs client certificates.")
        context.verify_mode = ssl.CERT_REQUIRED
    elif tls.ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context

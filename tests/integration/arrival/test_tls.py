"""TLS on the receiver: version and certificates checked, the same objects stored."""

from __future__ import annotations

import ssl
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.arrival.objects import encoded, radiograph
from tests.integration.arrival.raw import RawPeer
from tests.integration.arrival.receiving import Receiver
from triage.arrival.policy import server_context
from triage.config import TlsSettings
from triage.domain.errors import ConfigError


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate that is its own authority."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        f"/CN={name}",
    ]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


def server_side(folder: Path, *, required: bool = True) -> tuple[TlsSettings, ssl.SSLContext]:
    """Return TLS settings and the receiver's context made of them."""
    certificate, key = self_signed(folder, "localhost")
    settings = TlsSettings(
        certificate=certificate, key=key, ca=certificate, require_client_certificate=required
    )
    return settings, server_context(settings)


def client(settings: TlsSettings, *, with_certificate: bool = True) -> ssl.SSLContext:
    """Return a client's context that trusts the receiver."""
    context = ssl.create_default_context(cafile=str(settings.ca))
    context.check_hostname = False
    if with_certificate:
        context.load_cert_chain(settings.certificate, settings.key)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_object_travels_over_tls(spool_root: Path, tmp_path: Path, version: ssl.TLSVersion) -> None:
    settings, context = server_side(tmp_path)
    image = radiograph(side=256)
    asking = client(settings)
    asking.minimum_version = asking.maximum_version = version
    with Receiver(spool_root, tls=context) as receiver, RawPeer(receiver.port) as peer:
        peer.socket = asking.wrap_socket(peer.socket)
        peer.associate()
        assert peer.store(image.SOPInstanceUID, encoded(image)) == 0
        assert peer.release() == 6
        assert receiver.stored() == {image.SOPInstanceUID: encoded(image)}


def test_a_client_without_a_certificate_is_let_in_only_when_none_is_required(
    spool_root: Path, tmp_path: Path
) -> None:
    for required in (True, False):
        settings, context = server_side(tmp_path, required=required)
        with Receiver(spool_root, tls=context) as receiver, RawPeer(receiver.port) as peer:
            try:
                peer.socket = client(settings, with_certificate=False).wrap_socket(peer.socket)
                peer.associate()
                entered = True
            except (ssl.SSLError, ConnectionError, AssertionError):
                entered = False
        assert entered is not required


def test_tls_1_1_and_plain_dicom_are_not_answered(spool_root: Path, tmp_path: Path) -> None:
    _, context = server_side(tmp_path)
    with Receiver(spool_root, tls=context) as receiver:
        with RawPeer(receiver.port) as peer, pytest.raises((AssertionError, ConnectionError)):
            peer.associate()
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_tls_setting_that_cannot_work_is_refused_with_its_key(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "localhost")
    with pytest.raises(ConfigError, match=r"dicom\.tls\.ca"):
        server_context(TlsSettings(certificate=certificate, key=key))
    with pytest.raises(ConfigError, match=r"dicom\.tls"):
        server_context(TlsSettings(certificate=tmp_path / "absent", key=key))


def test_silent_tls_clients_do_not_block_the_others(spool_root: Path, tmp_path: Path) -> None:
    certificates, context = server_side(tmp_path)
    with Receiver(spool_root, tls=context) as receiver, ExitStack() as stack:
        silent = [stack.enter_context(RawPeer(receiver.port)) for _ in range(10)]
        trusting = ssl.create_default_context(cafile=str(certificates.ca))
        trusting.check_hostname = False
        trusting.load_cert_chain(certificates.certificate, certificates.key)
        began = time.monotonic()
        with RawPeer(receiver.port) as peer:
            peer.socket = trusting.wrap_socket(peer.socket)
            peer.associate()
            assert peer.release() == 6
        assert time.monotonic() - began <= 2.0
        assert all(peer.ended_within(4) for peer in silent)

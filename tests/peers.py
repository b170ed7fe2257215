"""Foreign DICOM peers on loopback: dcmtk's programs and Orthanc, as hospitals run them.

A missing program fails the test where CI=true and skips it loudly elsewhere: `ops/test` installs them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

HOST = "127.0.0.1"
# dcmtk without it holds each small PDU back for Nagle's algorithm, 40 ms at a time.
DCMTK_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def foreign_program(name: str, package: str) -> str:
    """Return the path of a Debian program; pynetdicom installs apps of the same names beside python."""
    ours = Path(sys.executable).parent
    folders = [one for one in os.environ.get("PATH", "").split(os.pathsep) if Path(one) != ours]
    found = shutil.which(name, path=os.pathsep.join([*folders, "/usr/bin", "/usr/sbin"]))
    if found is None:
        missing = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Return the first true answer of `condition`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def listening(port: int) -> bool:
    """Return whether somebody accepts connections on that port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


class DcmtkStoreSCP:
    """dcmtk's storescp as a PACS; keeps files below `folder`."""

    def __init__(self, folder: Path, port: int | None = None, *options: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        program = foreign_program("storescp", "dcmtk")
        arguments = ["--output-directory", str(folder), "--aetitle", "DCMTK", *options, str(self.port)]
        folder.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [program, *arguments],
            env=DCMTK_ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: listening(self.port), "storescp listens")

    def freeze(self) -> None:
        """Stop it as a hung machine stops: the kernel still accepts connections."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def files(self) -> list[Path]:
        """Return what it keeps."""
        return sorted(path for path in self.folder.iterdir() if path.is_file())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def dcmtk_store_scp(folder: Path, *options: str) -> Iterator[DcmtkStoreSCP]:
    """Yield a running storescp."""
    peer = DcmtkStoreSCP(folder, None, *options)
    try:
        yield peer
    finally:
        peer.close()


def dcmtk_run(program: str, port: int, *arguments: str, called: str, calling: str = "DCMTK") -> str:
    """Run echoscu or storescu against a port and return its output; fails when it fails."""
    command = [
        foreign_program(program, "dcmtk"),
        "-v",
        "-aet",
        calling,
        "-aec",
        called,
        HOST,
        str(port),
        *arguments,
    ]
    done = subprocess.run(
        command, env=DCMTK_ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


class Orthanc:
    """Orthanc with a temporary configuration, on loopback, without plugins."""

    def __init__(self, folder: Path, modalities: dict[str, tuple[str, int]]) -> None:
        folder.mkdir(exist_ok=True)
        self.port, self.http_port = free_port(), free_port()
        configuration = {
            "Name": "Orthanc in a test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [],
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": "ORTHANC",
            "DicomPort": self.port,
            "DicomModalities": {name: [title, HOST, port] for name, (title, port) in modalities.items()},
            "DicomScuTimeout": 20,
            "OverwriteInstances": False,
        }
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        self._log = (folder / "log").open("wb")
        program = foreign_program("Orthanc", "orthanc")
        self._process = subprocess.Popen([program, str(path)], stdout=self._log, stderr=self._log, cwd=folder)
        wait_for(lambda: listening(self.port) and listening(self.http_port), "Orthanc listens", 60)

    def rest(self, path: str, body: bytes | None = None, method: str | None = None) -> Any:
        """Ask its REST API and return the decoded JSON."""
        url = f"http://{HOST}:{self.http_port}{path}"
        request = urllib.request.Request(url, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"Orthanc answers {refused.code} to {path}: {refused.read()!r}") from refused

    def upload(self, path: Path) -> str:
        """Put one file into it as its own and return its instance id."""
        return str(self.rest("/instances", path.read_bytes())["ID"])

    def send(self, instances: Sequence[str], modality: str) -> Any:
        """Let it C-STORE its instances to a modality of its configuration."""
        body = json.dumps({"Resources": list(instances), "Synchronous": True}).encode()
        return self.rest(f"/modalities/{modality}/store", body)

    def echo(self, modality: str) -> Any:
        """Let it C-ECHO a modality."""
        return self.rest(f"/modalities/{modality}/echo", b"{}")

    def sop_instance_uids(self) -> list[str]:
        """Return the SOP Instance UIDs it holds."""
        instances = self.rest("/instances?expand")
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in instances)

    def file(self, sop_instance_uid: str) -> BytesIO:
        """Return the Part 10 file it keeps of one instance."""
        (found,) = self.rest("/tools/lookup", sop_instance_uid.encode())
        with urllib.request.urlopen(f"http://{HOST}:{self.http_port}/instances/{found['ID']}/file") as answer:
            return BytesIO(answer.read())

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


@contextmanager
def orthanc(folder: Path, modalities: dict[str, tuple[str, int]] | None = None) -> Iterator[Orthanc]:
    """Yield a running Orthanc that knows these modalities: name -> (AE title, port)."""
    peer = Orthanc(folder, modalities or {})
    try:
        yield peer
    finally:
        peer.close()

"""Ingest rate side by side: this receiver, dcmtk storescp, Orthanc and pynetdicom's own storescp.

One run, one machine, rounds interleaved so that a noisy neighbour hits all alike; medians are printed with
the load average. The client is dcmtk storescu with TCP_NODELAY=1. Only this receiver and Orthanc make
files durable before they answer. "ours x2" is the same with `dicom.receivers = 2`: two processes at one port,
as storescp --fork has one per association. Nothing is deleted until the end, because ext4 without a journal searches for a
minute around inodes that were freed, and what a server left unwritten is written before the next one starts.
Run: python -m tests.bench.ingest [--rounds 3] [--idle] [--drip]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tests.integration.arrival.objects import encoded, radiograph
from tests.integration.arrival.raw import RawPeer, associate_rq
from tests.peers import foreign_program

MR, CR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.1"
KINDS = {"MR 0.5 MB": (MR, 512, 512, 300), "CR 15 MB": (CR, 3000, 2500, 16)}
SERVE = (
    "from triage.arrival.receiver import run; from triage.config import load_settings;"
    "from triage.log import configure; s = load_settings(); configure(s.log, 'receiver'); run(s)"
)


def write_objects(folder: Path, kind: str) -> list[Path]:
    """Write the phantom objects of one kind and return them."""
    sop_class, rows, columns, count = KINDS[kind]
    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    noise = np.random.default_rng(7).integers(0, 4096, rows * columns, dtype=np.uint16).tobytes()
    return [
        _write(folder / f"{n:04}.dcm", sop_class, (rows, columns), (study, series), noise)
        for n in range(count)
    ]


def _write(path: Path, sop_class: str, shape: tuple[int, int], uids: tuple[str, str], pixels: bytes) -> Path:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = sop_class, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = uids
    image.PatientName, image.PatientID, image.Modality = "BENCH^PHANTOM", "BENCH", "MR"
    image.Rows, image.Columns = shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = pixels
    image.save_as(path, enforce_file_format=True)
    return path


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ours(port: int, folder: Path, extra: dict[str, str] | None = None) -> tuple[list[str], dict[str, str]]:
    told = {
        "TRIAGE_HOME": str(folder),
        "TRIAGE_DICOM__PORT": str(port),
        "TRIAGE_DICOM__AE_TITLE": "STORE",
        "TRIAGE_DICOM__ACCEPT_UNKNOWN_PEERS": "true",
        "TRIAGE_SPOOL__LOW_WATER_BYTES": "0",
        "TRIAGE_LOG__LEVEL": "error",
        **(extra or {}),
    }
    return [sys.executable, "-c", SERVE], told


def _orthanc(port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomPort": port,
        "DicomAet": "STORE",
        "HttpServerEnabled": False,
        "DicomAlwaysAllowStore": True,
        "Plugins": [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    return [foreign_program("Orthanc", "orthanc"), str(folder / "orthanc.json")], {}


def command(server: str, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return how a server is started on `port` with its files in `folder`."""
    if server == "ours":
        return _ours(port, folder)
    if server == "Orthanc":
        return _orthanc(port, folder)
    if server == "dcmtk storescp":
        return [
            foreign_program("storescp", "dcmtk"),
            "-aet",
            "STORE",
            "--fork",
            "-od",
            str(folder),
            str(port),
        ], {"TCP_NODELAY": "1"}
    return [sys.executable, "-m", "pynetdicom", "storescp", str(port), "-od", str(folder), "-q"], {}


@contextmanager
def running(
    server: str, root: Path, extra: dict[str, str] | None = None
) -> Iterator[tuple[int, psutil.Process]]:
    """Run a fresh server with a folder of its own below `root`, which stays; yield its port and (first) process."""
    port = free_port()
    name, _, count = server.partition(" x")
    arguments, told = command(name, port, Path(tempfile.mkdtemp(dir=root)))
    environment = {**os.environ, **told, **(extra or {})}
    quiet = subprocess.DEVNULL
    os.sync()
    processes = [
        subprocess.Popen(arguments, env=environment, stdout=quiet, stderr=quiet, cwd=Path.cwd())
        for _ in range(int(count or 1))
    ]
    try:
        for process in processes:
            _await(port, process)
        yield port, psutil.Process(processes[0].pid)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if not subprocess.run(
            [foreign_program("echoscu", "dcmtk"), "-aec", "STORE", "127.0.0.1", str(port)],
            capture_output=True,
        ).returncode:
            return
        time.sleep(0.2)
    raise RuntimeError("the server did not come up")


def send(port: int, shares: list[list[Path]]) -> float:
    """Send each share over its own association at once; return the seconds for all."""
    environment = {**os.environ, "TCP_NODELAY": "1"}
    began = time.perf_counter()
    clients = [
        subprocess.Popen(
            [foreign_program("storescu", "dcmtk"), "-aec", "STORE", "127.0.0.1", str(port), *map(str, share)],
            env=environment,
        )
        for share in shares
    ]
    codes = [client.wait(300) for client in clients]
    if any(codes):
        raise RuntimeError(f"storescu failed: {codes}")
    return time.perf_counter() - began


def rates(
    servers: list[str], files: list[Path], associations: int, rounds: int, root: Path
) -> dict[str, float]:
    """Return each server's median instances per second."""
    shares = [files[n::associations] for n in range(associations)]
    seconds: dict[str, list[float]] = {server: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            with running(server, root) as (port, _daemon):
                seconds[server].append(send(port, shares))
    return {server: len(files) / statistics.median(taken) for server, taken in seconds.items()}


def report_rates(servers: list[str], rounds: int) -> None:
    """Print the table of rates and ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        for kind in KINDS:
            files = write_objects(Path(name) / kind.replace(" ", "-"), kind)
            for associations in (1, 4):
                found = rates(servers, files, associations, rounds, Path(name))
                base = found.get("dcmtk storescp", 0.0)
                line = "  ".join(f"{server} {rate:.1f}" for server, rate in found.items())
                ratios = "".join(
                    f"  {server}/dcmtk {rate / base:.2f}"
                    for server, rate in found.items()
                    if base and server.startswith("ours")
                )
                print(
                    f"{kind}, {associations} association(s), instances/s: {line}{ratios}  load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )


def report_idle(count: int = 500, seconds: float = 10.0) -> None:
    """Print the share of one core that idle associations cost."""
    many = {
        "TRIAGE_DICOM__MAX_ASSOCIATIONS": "900",
        "TRIAGE_DICOM__MAX_ASSOCIATIONS_PER_PEER": "900",
        "TRIAGE_DICOM__IDLE_TIMEOUT_S": "300",
    }
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        running("ours", Path(name), many) as (port, daemon),
        ExitStack() as stack,
    ):
        before = daemon.memory_info().rss
        for _ in range(count):
            stack.enter_context(RawPeer(port, 30)).associate(associate_rq(called="STORE"))
        began = daemon.cpu_times()
        time.sleep(seconds)
        ended = daemon.cpu_times()
        used = (ended.user + ended.system - began.user - began.system) / seconds
        grown = (daemon.memory_info().rss - before) >> 20
        print(
            f"{count} idle associations: {100 * used:.1f} % of a core, +{grown} MiB, {daemon.num_threads()} threads"
        )


def report_drip(stores: int = 60) -> None:
    """Print an honest sender's latency (associate, store 8 KB, release) with and without ten dripping sockets."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        running("ours", Path(name)) as (port, _daemon),
    ):
        calm = _latencies(port, stores)
        with ExitStack() as stack:
            peers = [stack.enter_context(RawPeer(port, 30)) for _ in range(10)]
            ended = threading.Event()
            drip = threading.Thread(target=_drip, args=(peers, ended))
            drip.start()
            attacked = _latencies(port, stores)
            ended.set()
            drip.join()
    for name, found in (("calm", calm), ("ten sockets drip", attacked)):
        middle, late = found[stores // 2] * 1e3, found[stores * 95 // 100] * 1e3
        print(f"honest sender, {name}: p50 {middle:.1f} ms, p95 {late:.1f} ms, load {os.getloadavg()[0]:.1f}")


def _drip(peers: list[RawPeer], ended: threading.Event) -> None:
    for byte in associate_rq(called="STORE"):
        for peer in peers:
            with suppress(OSError):
                peer.send(bytes([byte]))
        if ended.wait(0.2):
            return


def _latencies(port: int, count: int) -> list[float]:
    found = []
    for _ in range(count):
        image = radiograph()
        began = time.perf_counter()
        with RawPeer(port) as peer:
            peer.associate(associate_rq(called="STORE"))
            if peer.store(str(image.SOPInstanceUID), encoded(image)) or peer.release() != 6:
                raise RuntimeError("an honest sender was not served")
        found.append(time.perf_counter() - began)
    return sorted(found)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default="ours,ours x2,dcmtk storescp,Orthanc,pynetdicom storescp")
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--drip", action="store_true")
    arguments = parser.parse_args()
    if arguments.idle:
        report_idle()
    if arguments.drip:
        report_drip()
    if arguments.rounds:
        report_rates(arguments.servers.split(","), arguments.rounds)


if __name__ == "__main__":
    main()

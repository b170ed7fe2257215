"""The foreign judges of our evidence: dciodvfy, dcentvfy, dsrdump and PixelMed's SR template validator.

Promise: each returns the lines that say "error", per file; warnings are not returned. A judge that is not installed
fails the test where CI=true and skips it loudly elsewhere. Debian: dcmtk, pixelmed-apps, default-jre-headless;
dciodvfy and dcentvfy come with the locked dicom3tools (Debian's build of 2022 is too old and is not looked for).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

PIXELMED_JAR = Path("/usr/share/java/pixelmed.jar")
_TIMEOUT_SECONDS = 600
_ERROR = re.compile(r"^(Error|Abort|Fatal|[EF]:)")
# One start of the machine for all files: compiling the template rules takes most of the time.
_PIXELMED_DRIVER = """
import com.pixelmed.validate.DicomSRValidator;
public class ValidateAll {
    public static void main(String[] files) throws Exception {
        DicomSRValidator validator = new DicomSRValidator();
        for (String file : files) {
            System.out.println("FILE " + file);
            // describe, match case, ambiguous templates, content item order, template ID
            System.out.println(validator.validate(file, false, true, false, true, true));
        }
    }
}
"""
# PixelMed's own wrapper fails on Java 17 and later without the limits lifted (JAXP0801003).
_JAVA_OPTIONS = (
    *("-Xmx2g", "-Xss64m", "-XX:+UseSerialGC", "-Djdk.xml.xpathTotalOpLimit=0"),
    *("-Djdk.xml.xpathExprOpLimit=0", "-Djdk.xml.xpathExprGrpLimit=0"),
)
_PIXELMED_MARKS = (
    "Found Comprehensive3DSR IOD",
    "Found Root Template TID_1500 (MeasurementReport)",
    "Root Template Validation Complete",
    "IOD validation complete",
)


def dciodvfy(files: Iterable[Path]) -> dict[Path, list[str]]:
    """Return file -> errors of the IOD validator."""
    tool = _own_tool("dciodvfy")
    return {file: _errors(_run([tool, "-new", str(file)]).stderr) for file in files}


def beyond_source(errors: Sequence[str], source_errors: Sequence[str]) -> list[str]:
    """Return the errors whose complaint (value and all) the source does not draw as well, wherever it stands there.

    A result repeats its source's identity and UIDs byte for byte, and so their faults.
    """
    known = {error.split("> - ", 1)[-1] for error in source_errors}
    return [error for error in errors if error.split("> - ", 1)[-1] not in known]


def dcentvfy(results: Sequence[Path], sources: Sequence[Path]) -> list[str]:
    """Return the errors of the entity validator: identity that differs, references that lead nowhere."""
    done = _run([_own_tool("dcentvfy"), *map(str, results), *map(str, sources)])
    return _errors(done.stderr + b"\n" + done.stdout)


def dsrdump(files: Iterable[Path]) -> dict[Path, list[str]]:
    """Return file -> errors of dcmtk's SR reader."""
    tool = _tool("dsrdump")
    found = {}
    for file in files:
        done = _run([tool, str(file)])
        found[file] = _errors(done.stderr) + ([] if done.returncode == 0 else [f"exit {done.returncode}"])
    return found


def pixelmed(files: Sequence[Path]) -> dict[Path, list[str]]:
    """Return SR file -> errors of PixelMed's template validator, missing success marks included."""
    java = _tool("java")
    if not PIXELMED_JAR.exists():
        _absent("pixelmed-apps")
    with tempfile.TemporaryDirectory() as folder:
        driver = Path(folder) / "ValidateAll.java"
        driver.write_text(_PIXELMED_DRIVER)
        done = _run([java, *_JAVA_OPTIONS, "-cp", str(PIXELMED_JAR), str(driver), *map(str, files)])
    said = done.stdout.decode("latin-1")
    sections = dict(section.split("\n", 1) for section in said.split("FILE ")[1:])
    assert done.returncode == 0, done.stderr.decode("latin-1")[-2000:]
    return {file: _pixelmed_errors(sections[str(file)]) for file in files}


def dcmp2pgm(image: Path, presentation_state: Path | None, output: Path) -> None:
    """Render `image` through dcmtk's softcopy pipeline into a PGM file."""
    state = [] if presentation_state is None else ["-p", str(presentation_state)]
    done = _run([_tool("dcmp2pgm"), *state, str(image), str(output)])
    assert done.returncode == 0, done.stderr.decode("latin-1")


def _pixelmed_errors(section: str) -> list[str]:
    missing = [f"missing: {mark}" for mark in _PIXELMED_MARKS if mark not in section]
    return _errors(section.encode("latin-1")) + missing


def _errors(said: bytes) -> list[str]:
    return [line for line in said.decode("latin-1").splitlines() if _ERROR.match(line)]


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_SECONDS)


def _own_tool(name: str) -> str:
    """Return a tool of the locked environment, never one that lies about on the machine."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    return found or _absent(f"{name} (dicom3tools)")


def _tool(name: str) -> str:
    return shutil.which(name) or _absent(name)


def _absent(what: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed: the evidence cannot be judged")
    pytest.skip(f"{what} is not installed: the evidence is NOT judged here")

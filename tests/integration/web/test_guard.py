"""What every request passes, and what every answer carries."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.web_site import PlainReader, settings_for
from triage.domain.errors import ConfigError
from triage.web.guard import is_loopback
from triage.web.reader import COOKIE, Readers, load_secret
from triage.web.server import check_address

Open = Callable[..., PlainReader]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "169.254.1.1:8080"])
def test_another_hosts_name_is_refused(engine: Engine, sit_down: Open, host: str) -> None:
    answer = sit_down().client.get("/", headers={"host": host})
    assert answer.status_code == 421 and "SENTINEL" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "LOCALHOST:1"])
def test_this_machines_names_are_answered(engine: Engine, sit_down: Open, host: str) -> None:
    assert sit_down().client.get("/", headers={"host": host}).status_code == 200


def test_a_name_that_the_site_allows_is_answered(engine: Engine, sit_down: Open) -> None:
    reader = sit_down(web={"allowed_hosts": ["triage.hospital.example"]})
    assert reader.client.get("/", headers={"host": "triage.hospital.example"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/list", "/static/page.css", "/livez", "/nothing-here"])
def test_every_answer_carries_the_security_headers(engine: Engine, sit_down: Open, path: str) -> None:
    headers = sit_down().get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(engine: Engine, sit_down: Open) -> None:
    cookie = sit_down("").post("/reader", name="Dr A").headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie


def test_a_forged_cookie_is_nobody(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("")
    reader.client.cookies.set(COOKIE, Readers(b"another secret").cookie("Dr Evil"))
    assert "Dr Evil" not in reader.get().text


def test_the_signing_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_secret(tmp_path / "secrets")
    assert load_secret(tmp_path / "secrets") == first and len(first) == 32
    assert stat.S_IMODE((tmp_path / "secrets" / "web.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["web.key"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "triage.hospital.example"])
def test_a_public_address_is_refused_until_the_site_allows_it(tmp_path: Path, host: str) -> None:
    local = {"accounts": "local", "host": host}
    with pytest.raises(ConfigError, match=r"web\.host"):
        check_address(settings_for(tmp_path, "", web=local))
    check_address(settings_for(tmp_path, "", web={**local, "allow_remote": True}))


@pytest.mark.parametrize(
    "web",
    [
        {"host": "0.0.0.0", "allow_remote": True},
        {"allowed_hosts": ["triage.hospital.example"]},
        {"trusted_proxies": ["127.0.0.1"]},
    ],
)
def test_names_that_nobody_checks_are_for_this_machine_alone(tmp_path: Path, web: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"web\.accounts"):
        check_address(settings_for(tmp_path, "", web={"accounts": "name", **web}))


def test_loopback_is_recognised() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("127.9.9.9")
    assert not is_loopback("10.0.0.1") and not is_loopback("localhost.evil.example")


def test_a_body_larger_than_any_form_is_refused_before_it_is_read(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("")
    large = b"x" * (300 * 1024)
    for path in ("/reader", "/api/v1/worklist/search"):
        answer = reader.client.post(path, content=large, headers={"origin": reader.origin})
        assert answer.status_code == 413


def test_a_body_that_does_not_say_its_length_is_cut_off(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("")
    chunks = (b"x" * 65536 for _ in range(20))
    form = {"origin": reader.origin, "content-type": "application/x-www-form-urlencoded"}
    answer = reader.client.post("/reader", content=chunks, headers=form)
    assert answer.status_code == 400


def test_a_malformed_origin_is_another_site(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("")
    assert reader.client.post("/next", headers={"origin": "http://["}).status_code == 403


def test_invented_methods_are_one_line_of_the_figures(engine: Engine, sit_down: Open) -> None:
    reader = sit_down("")
    for number in range(5):
        reader.client.request(f"EVIL{number}", "/")
    assert "EVIL" not in reader.get("/metrics").text

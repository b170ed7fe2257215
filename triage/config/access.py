"""Who may come in: the settings of sign-in, sessions and those who vouch for people."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from triage.config.base import Section

RoleWord = Literal["viewer", "reader", "lead", "admin"]


def networks(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return addresses and networks as they are compared; raises ValueError for what is none."""
    return tuple(str(ip_network(value, strict=False)) for value in values)


class OidcSettings(Section):
    """An OpenID provider. A person gets the highest role that a value of the claim maps to; none: refused."""

    issuer: str = Field(pattern=r"^https?://")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = SecretStr("")
    # Our own address as browsers see it; the provider must know {base_url}/sign-in/provider/back.
    base_url: str = Field(pattern=r"^https?://[^/]+$")
    scopes: tuple[str, ...] = ("openid", "profile")
    name_claim: str = "preferred_username"
    role_claim: str = "groups"
    roles: dict[str, RoleWord] = Field(default_factory=dict)
    timeout_s: float = Field(default=10.0, gt=0)


class ProxySettings(Section):
    """A proxy that signs people in and names them in a header; believed from these addresses alone."""

    addresses: tuple[str, ...] = Field(min_length=1)
    name_header: str = Field(default="x-forwarded-user", pattern=r"^[a-z0-9-]+$")
    role_header: str = Field(default="x-forwarded-groups", pattern=r"^[a-z0-9-]+$")
    roles: dict[str, RoleWord] = Field(default_factory=dict)

    _check_addresses = field_validator("addresses")(networks)


class AccessSettings(Section):
    """Sessions, passwords, and who vouches for people. `lock_minutes` 0: the page never locks."""

    session_hours: float = Field(default=12.0, gt=0, le=24 * 7)
    idle_hours: float = Field(default=4.0, gt=0)
    lock_minutes: float = Field(default=15.0, ge=0)
    password_length: int = Field(default=15, ge=8, le=64)
    oidc: OidcSettings | None = None
    proxy: ProxySettings | None = None

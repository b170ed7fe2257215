"""A policy as words: from what was typed to the policy, and from a policy to what is shown."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from triage.domain.policy import OrderPolicy, PolicyVersion


def version_fields(version: PolicyVersion) -> dict[str, Any]:
    """Return which policy it is, since when, by whom and why."""
    return {
        "policy": version.policy.describe(),
        "policy_id": version.id,
        "at": version.at,
        "actor": version.actor or "the settings",
        "reason": version.reason,
    }


def figures(policy: OrderPolicy) -> dict[str, Any]:
    """Return every figure of a policy as a line each."""
    shown: dict[str, Any] = {
        "B_minutes": policy.seniority_minutes,
        "h": _pairs(policy.harm),
        "K": _pairs(policy.guard) if policy.guarded else "no bound under this policy",
    }
    for row in policy.findings:
        shown[f"finding_{row.kind}"] = f"harm {row.harm:g}, prior {_pairs(row.prior)}"
    rota = policy.rota
    shown["clock"] = f"staffed, {len(rota.shifts)} shifts in {rota.zone}" if rota.staffed else "wall clock"
    return shown


def changed_policy(
    policy: OrderPolicy,
    name: str,
    *,
    seniority_minutes: float | None,
    harm: Sequence[str],
    prior: Sequence[str],
    guard: Sequence[str],
    rota: IO[bytes] | None,
) -> OrderPolicy:
    """Return the policy with what was named changed; raises Refused or UsageError for a figure that is none."""
    from triage.domain.rota import Rota

    figures: dict[str, Any] = {"name": name}
    if seniority_minutes is not None:
        figures["seniority_minutes"] = seniority_minutes
    if harm:
        figures["harm"] = {**policy.harm, **_numbers("--harm", harm)}
    if guard:
        figures["guard"] = {
            **policy.guard,
            **{
                key: int(value) if value.is_integer() else value
                for key, value in _numbers("--guard", guard).items()
            },
        }
    if rota is not None:
        figures["rota"] = Rota.from_json(_toml(rota))
    wanted = replace(policy, **figures)
    for key, value in _numbers("--prior", prior).items():
        wanted = wanted.with_prior(key, value)
    return wanted


def _numbers(option: str, pairs: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        try:
            found[key.strip().upper()] = float(value)
        except ValueError:
            raise click.UsageError(
                f"{option} is written CLASS=VALUE, for example HIGH=20, not {pair!r}."
            ) from None
    return found


def _toml(file: IO[bytes]) -> Mapping[str, Any]:
    try:
        return tomllib.load(file)
    except tomllib.TOMLDecodeError as mistake:
        raise click.UsageError(f"--rota is no TOML file: {mistake}") from None


def _pairs(by_class: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in by_class.items())

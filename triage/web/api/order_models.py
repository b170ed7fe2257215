"""The order as types of the API: the policy, what a change did, the figures behind a place."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from triage.domain.policy import PolicyChange, PolicyStands, PolicyVersion
from triage.domain.priority import Basis
from triage.domain.worklist import Place


class Policy(BaseModel):
    """A policy as it was set; `id` and `at` are null where the site's settings count and nobody set anything."""

    id: int | None
    name: Literal["fifo", "human", "flag", "seniority"]
    parameters: dict[str, Any]
    at: datetime | None
    actor: str
    reason: str

    @classmethod
    def of(cls, version: PolicyVersion) -> Policy:
        """Return the version as it is shown."""
        found = version.policy
        values = {"name": str(found.name), "parameters": found.parameters()}
        return cls.model_validate(
            {**values, "id": version.id, "at": version.at, "actor": version.actor, "reason": version.reason}
        )


class Policies(BaseModel):
    """The policy in force and the recorded ones, newest first; `next` is what `before` must be, null at the end."""

    current: Policy
    stopped: bool
    resumes_to: str | None
    history: list[Policy]
    next: int | None

    @classmethod
    def of(cls, stands: PolicyStands, history: list[PolicyVersion], following: int | None) -> Policies:
        """Return how the order stands."""
        return cls(
            current=Policy.of(stands.version),
            stopped=stands.stopped,
            resumes_to=str(stands.resumes_to.name) if stands.resumes_to else None,
            history=[Policy.of(version) for version in history],
            next=following,
        )


class Changed(BaseModel):
    """What a change of the policy did: `moved` studies stand at another position now."""

    policy: Policy
    before: Policy
    waiting: int
    moved: int

    @classmethod
    def of(cls, done: PolicyChange) -> Changed:
        """Return what was done."""
        return cls(
            policy=Policy.of(done.version),
            before=Policy.of(done.before),
            waiting=done.waiting,
            moved=done.moved,
        )


class Why(BaseModel):
    """Why the order is stopped or resumed. `seen`: the `id` of the policy this was decided on, 0 where that is null;
    with another in force the answer is 409. Without it whatever is in force is stopped or resumed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)
    seen: int | None = Field(default=None, ge=0, le=2**63 - 1)


class Figures(BaseModel):
    """The figures behind a place. `rests_on`: a result only where it puts the study before its class's place. Where
    there is one, `probability` and what it can be worked out from (`cost_of_delay`, `head_start_minutes`, `key`)
    are there only if the site shows scores."""

    rests_on: Basis
    probability: dict[str, float] | None
    cost_of_delay: float | None
    cost_of_class: float
    head_start_minutes: float | None
    arrival_minutes: float
    staffed_clock: bool
    key: float | None
    key_of_class: float
    overtaken: int
    overtaking_limit: int | None
    waited_minutes: float
    staffed_wait_minutes: float
    policy: Policy

    @classmethod
    def of(cls, place: Place, *, assist: bool) -> Figures:
        """Return the figures as this site's mode lets them be shown."""
        found = place.numbers
        known = dict(found.probability) if found.probability is not None else None
        shown = assist or known is None
        return cls(
            rests_on=found.basis,
            probability=known if assist else None,
            cost_of_delay=found.cost if shown else None,
            cost_of_class=found.cost_of_class,
            head_start_minutes=found.head_start_minutes if shown else None,
            arrival_minutes=found.arrival_minutes,
            staffed_clock=found.staffed_clock,
            key=found.key if shown else None,
            key_of_class=found.key_of_class,
            overtaken=place.overtaken,
            overtaking_limit=place.overtaking_limit,
            waited_minutes=place.waited_minutes,
            staffed_wait_minutes=place.staffed_wait_minutes,
            policy=Policy.of(place.policy),
        )

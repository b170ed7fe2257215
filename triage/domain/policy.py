"""The site's policy of order, as data: a name and figures, recorded with who set them, when and why.

`fifo` is arrival alone; `human` the requested class, then arrival; `flag` every flag first, then as
`human`; `seniority` (the default) the arrival on the staffed clock less B minutes for each unit of expected
cost of delay. Pins and STAT by a person come before all of them. K bounds how often a study may be
overtaken (see overtaking). Refuses figures that would let a result lower a study or a list be unbounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from triage.domain.errors import Refused
from triage.domain.rota import Rota

CLASSES = ("STAT", "HIGH", "MEDIUM", "ROUTINE", "LOW")
FRESH_FRACTURE = "fresh-fracture"
# Moves nothing until a site gives it a row of `findings` with a harm above 0.
ATYPICAL_CURVE = "atypical-curve"
MOST_K = 100_000
# What stands for "the site's settings" where a recorded version is named by its id; ids begin at 1.
SETTINGS = 0
USUAL_HARM = {"STAT": 0.2, "HIGH": 0.2, "MEDIUM": 0.05, "ROUTINE": 0.01, "LOW": 0.01}
USUAL_PRIOR = {"STAT": 0.10, "HIGH": 0.10, "MEDIUM": 0.05, "ROUTINE": 0.03, "LOW": 0.03}
USUAL_GUARD = {"HIGH": 20, "MEDIUM": 60, "ROUTINE": 60, "LOW": 60}


class PolicyName(StrEnum):
    """The orders a site may choose."""

    FIFO = "fifo"
    HUMAN = "human"
    FLAG = "flag"
    SENIORITY = "seniority"


# Only these two let a machine's result overtake, so only their order needs a bound.
GUARDED = frozenset({PolicyName.FLAG, PolicyName.SENIORITY})


@dataclass(frozen=True, slots=True)
class FindingWeight:
    """One thing a model may find: the harm of one minute's wait, and how often each class has it unanalysed."""

    kind: str
    harm: float
    prior: Mapping[str, float]


def _fracture(prior: Mapping[str, float] | None = None) -> tuple[FindingWeight, ...]:
    return (FindingWeight(FRESH_FRACTURE, 1.0, {**USUAL_PRIOR, **(prior or {})}),)


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    """The site's figures. `seniority_minutes` is B; `harm` is h of each requested class; `guard` is K of each.

    Another model's finding is one more row of `findings`. `stat_calling_aes` is a site's rule about senders.
    """

    name: str = PolicyName.SENIORITY
    seniority_minutes: float = 2880.0
    harm: Mapping[str, float] = field(default_factory=lambda: dict(USUAL_HARM))
    findings: tuple[FindingWeight, ...] = field(default_factory=_fracture)
    guard: Mapping[str, int] = field(default_factory=lambda: dict(USUAL_GUARD))
    rota: Rota = field(default_factory=Rota)
    stat_calling_aes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in set(PolicyName):
            raise Refused("policy", f"there is no policy {self.name!r}; choose {', '.join(PolicyName)}")
        if not (math.isfinite(self.seniority_minutes) and 0 <= self.seniority_minutes <= 1e7):
            raise Refused("policy", "B is a number of minutes from 0 to 10 million")
        _check("h", self.harm)
        for row in self.findings:
            _check("the prior", row.prior)
            if not 0 <= row.harm <= 1:
                raise Refused("policy", f"the harm of {row.kind} lies between 0 and 1")
        whole = all(isinstance(limit, int) and 1 <= limit <= MOST_K for limit in self.guard.values())
        if not whole or set(self.guard) - set(CLASSES):
            raise Refused("policy", f"K is a whole number from 1 to {MOST_K}, for requested classes alone")

    @property
    def prior(self) -> Mapping[str, float]:
        """Return how often each class has the first finding, before any answer."""
        return self.findings[0].prior if self.findings else {}

    @property
    def guarded(self) -> bool:
        """Tell whether the bound on overtaking counts under this policy."""
        return self.name in GUARDED and bool(self.guard)

    def counts(self, kind: str) -> bool:
        """Tell whether a finding of this kind may raise a study under this policy."""
        return self.name == PolicyName.SENIORITY and any(
            row.kind == kind and row.harm > 0 for row in self.findings
        )

    def limit(self, requested: str) -> int | None:
        """Return K of a requested class, None where nothing bounds it."""
        return self.guard.get(requested) if self.guarded else None

    def describe(self) -> str:
        """Return the name, with B where it counts: kept with each key that this policy made."""
        counts = self.name == PolicyName.SENIORITY
        return f"{self.name} B={self.seniority_minutes:g}" if counts else str(self.name)

    def parameters(self) -> dict[str, Any]:
        """Return every figure as plain JSON types, without the name; the rules about senders stay settings."""
        return {
            "seniority_minutes": self.seniority_minutes,
            "harm": dict(self.harm),
            "findings": [asdict(row) for row in self.findings],
            "guard": dict(self.guard),
            "rota": self.rota.to_json(),
        }

    @classmethod
    def from_parameters(
        cls, name: str, data: Mapping[str, Any], stat_calling_aes: tuple[str, ...] = ()
    ) -> OrderPolicy:
        """Rebuild from `parameters`; what an older version did not know keeps its default."""
        usual = cls()
        rows = data.get("findings")
        return cls(
            name=name,
            seniority_minutes=float(data.get("seniority_minutes", usual.seniority_minutes)),
            harm={**usual.harm, **data.get("harm", {})},
            findings=usual.findings if rows is None else tuple(FindingWeight(**row) for row in rows),
            guard=dict(data.get("guard", usual.guard)),
            rota=Rota.from_json(data.get("rota", {})),
            stat_calling_aes=stat_calling_aes,
        )

    def with_prior(self, requested: str, probability: float) -> OrderPolicy:
        """Return the policy with another prevalence of the first finding in one class."""
        first, *others = self.findings
        changed = replace(first, prior={**first.prior, requested: probability})
        return replace(self, findings=(changed, *others))


def fracture_findings(prior: Mapping[str, float]) -> tuple[FindingWeight, ...]:
    """Return the one row of a site whose models find fresh fractures; a class left out keeps its default."""
    return _fracture(prior)


def _check(what: str, by_class: Mapping[str, float]) -> None:
    for name, value in by_class.items():
        if name not in CLASSES:
            raise Refused("policy", f"{what} is given for {', '.join(CLASSES)}, not for {name}")
        if not 0 <= value <= 1:
            raise Refused("policy", f"{what} of {name} lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy as it was set; id None = the site's settings, before anybody recorded a change."""

    policy: OrderPolicy
    id: int | None = None
    at: datetime | None = None
    actor: str = ""
    reason: str = ""

    @property
    def number(self) -> int:
        """Return what a change names as the version it was decided on: the id, SETTINGS for the settings."""
        return SETTINGS if self.id is None else self.id


@dataclass(frozen=True, slots=True)
class PolicyStands:
    """The policy in force, and what `resume` would go back to: None where nothing was stopped."""

    version: PolicyVersion
    resumes_to: OrderPolicy | None = None

    @property
    def stopped(self) -> bool:
        """Tell whether another order was put aside for the requested class alone."""
        return self.resumes_to is not None


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What a change of policy did, or would do: `moved` studies stand at another position afterwards."""

    version: PolicyVersion
    before: PolicyVersion
    waiting: int
    rekeyed: int
    moved: int
    dry_run: bool = False

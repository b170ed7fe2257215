"""The whole way in one place: render, train, package, pin."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from workers.models.bundle_write import Draft, write, write_pins
from workers.training.cache import Cache
from workers.training.fit import one_thread
from workers.training.plan import SCALES, radiographs
from workers.training.render import render_cache

Echo = Callable[[str], None]
ORDER = ("view-gate", "vertebra-locator", "vertebra-fresh")


def render_step(out: Path, *, seed: int, scale: str, processes: int, echo: Echo) -> None:
    """out/cache, unless it is there; one of another seed or scale is refused, its figures would carry wrong labels."""
    if (out / "cache" / "manifest.json").exists():
        cache = Cache(out / "cache")
        if (cache.seed, len(cache.films)) != (seed, len(radiographs(seed, SCALES[scale]))):
            raise SystemExit(f"{cache.root} holds phantoms of another seed or scale: name another folder")
        echo(f"using {out / 'cache'}")
        return
    render_cache(out / "cache", seed, SCALES[scale], processes=processes, echo=echo)


def train_step(out: Path, names: Sequence[str], *, seed: int, scale: str, echo: Echo) -> None:
    """out/trained/<name>.npz for each name."""
    one_thread()
    from workers.training.trained import train

    cache = Cache(out / "cache")
    for name in names:
        train(name, cache, out / "trained", scale=scale, seed=seed, echo=echo)


def _draft(name: str, out: Path, cache: Cache, origin: dict[str, object]) -> Draft:
    from workers.training.package_fresh import package_fresh
    from workers.training.package_gate import package_gate
    from workers.training.package_locator import package_locator
    from workers.training.trained import load_trained

    weights, heads = load_trained(out / "trained" / f"{name}.npz")
    if name == "view-gate":
        return package_gate(cache, weights, heads, origin)
    if name == "vertebra-locator":
        return package_locator(cache, weights, heads, origin)
    locator, _ = load_trained(out / "trained" / "vertebra-locator.npz")
    draft, curves = package_fresh(cache, weights, locator, origin)
    np.savez(out / "curves.npz", **curves)  # type: ignore[arg-type]  # numpy's stub takes the names for options
    return draft


def package_step(out: Path, names: Sequence[str], *, seed: int, scale: str, echo: Echo) -> dict[str, str]:
    """out/bundles/<name> and out/bundles/pins.json; returns the digests."""
    one_thread()
    from workers.models.bundle import pins
    from workers.training.packaging import provenance

    cache = Cache(out / "cache")
    origin = provenance(cache, seed, scale, datetime.datetime.now(datetime.UTC).date().isoformat())
    root = out / "bundles"
    digests = pins(root / "pins.json") if (root / "pins.json").exists() else {}
    for name in names:
        digests[name] = write(root / name, _draft(name, out, cache, origin))
        size = sum(path.stat().st_size for path in (root / name).iterdir())
        echo(f"{name}: {size / 1e6:.2f} MB, {digests[name]}")
    write_pins(root, digests)
    return digests

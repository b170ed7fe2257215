"""Compiled loops: exact chord lengths of rays in convex shapes, the trunk's outline, and cheap upsampling."""

# mypy: disable-error-code="untyped-decorator"
# numba ships no types for its decorators.

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float = NDArray[np.float32]


@njit(cache=True, fastmath=True)
def _quadric_span(o, d, q, t0, t1):  # type: ignore[no-untyped-def]  # compiled; called only from the kernel below
    """Narrow [t0, t1] to where the ray is inside the quadric q = (centre, coefficients, level)."""
    ox, oy, oz = o[0] - q[0], o[1] - q[1], o[2] - q[2]
    a = q[3] * d[0] * d[0] + q[4] * d[1] * d[1] + q[5] * d[2] * d[2]
    # A waisted body's hyperboloid has a negative z coefficient; near-horizontal rays keep a above zero.
    a = max(a, 1e-9)
    b = q[3] * ox * d[0] + q[4] * oy * d[1] + q[5] * oz * d[2]
    c = q[3] * ox * ox + q[4] * oy * oy + q[5] * oz * oz - q[6]
    inside = b * b - a * c
    if inside <= 0:
        return 1e9, -1e9
    root = np.sqrt(inside)
    return max(t0, (-b - root) / a), min(t1, (-b + root) / a)


@njit(cache=True, fastmath=True)
def _plane_span(o, d, p, t0, t1):  # type: ignore[no-untyped-def]  # compiled; called only from the kernel below
    """Narrow [t0, t1] to the half space n . x <= level of p = (n, level)."""
    slope = p[0] * d[0] + p[1] * d[1] + p[2] * d[2]
    room = p[3] - (p[0] * o[0] + p[1] * o[1] + p[2] * o[2])
    if abs(slope) < 1e-7:
        return (t0, t1) if room >= 0 else (1e9, -1e9)
    t = room / slope
    return (t0, min(t1, t)) if slope > 0 else (max(t0, t), t1)


@njit(cache=True, fastmath=True)
def trace(paths, textures, shapes, windows, frames, quadrics, planes, counts, weights):  # type: ignore[no-untyped-def]  # compiled
    """Add weight x chord length of each shape to its channel of paths [4, rows, columns].

    shapes [n, 2] = (channel, texture); counts [n, 2] = (quadrics, planes); frames [n, 12] from Camera.local.
    """
    rows, columns = paths.shape[1], paths.shape[2]
    tile_rows, tile_columns = textures.shape[1], textures.shape[2]
    d = np.empty(3)
    for i in range(shapes.shape[0]):
        f = frames[i]
        for y in range(windows[i, 0], windows[i, 1]):
            v = y - rows / 2 + 0.5
            for x in range(windows[i, 2], windows[i, 3]):
                u = x - columns / 2 + 0.5
                for k in range(3):
                    d[k] = f[3 + k] + f[6 + k] * u + f[9 + k] * v
                d /= np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
                t0, t1 = -1e9, 1e9
                for k in range(counts[i, 0]):
                    t0, t1 = _quadric_span(f, d, quadrics[i, k], t0, t1)
                    if t1 <= t0:
                        break
                if t1 <= t0:
                    continue
                for k in range(counts[i, 1]):
                    t0, t1 = _plane_span(f, d, planes[i, k], t0, t1)
                if t1 > t0:
                    grain = textures[shapes[i, 1], y % tile_rows, x % tile_columns]
                    paths[shapes[i, 0], y, x] += weights[i] * (t1 - t0) * grain


@njit(cache=True, fastmath=True)
def trunk_lengths(out, frame, centre_x, centre_y, radius_x, radius_y):  # type: ignore[no-untyped-def]  # compiled
    """Chord length [rows, columns] in a stack of ellipses, one per image row; rays are taken as horizontal."""
    rows, columns = out.shape
    for y in range(rows):
        v = y - rows / 2 + 0.5
        ax, ay = radius_x[y], radius_y[y]
        ox, oy = (frame[0] - centre_x[y]) / ax, (frame[1] - centre_y[y]) / ay
        for x in range(columns):
            u = x - columns / 2 + 0.5
            dx = frame[3] + frame[6] * u + frame[9] * v
            dy = frame[4] + frame[7] * u + frame[10] * v
            dz = frame[5] + frame[8] * u + frame[11] * v
            n = np.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy = dx / n / ax, dy / n / ay
            a = dx * dx + dy * dy
            b = ox * dx + oy * dy
            inside = b * b - a * (ox * ox + oy * oy - 1)
            out[y, x] = 2 * np.sqrt(inside) / a if inside > 0 else 0.0


@njit(cache=True, fastmath=True)
def upsample(small, rows, columns):  # type: ignore[no-untyped-def]  # compiled
    """Bilinear enlargement to rows x columns, corner to corner."""
    out = np.empty((rows, columns), np.float32)
    sr = (small.shape[0] - 1) / max(rows - 1, 1)
    sc = (small.shape[1] - 1) / max(columns - 1, 1)
    for y in range(rows):
        fy = y * sr
        y0 = min(int(fy), small.shape[0] - 2)
        wy = fy - y0
        for x in range(columns):
            fx = x * sc
            x0 = min(int(fx), small.shape[1] - 2)
            wx = fx - x0
            upper = small[y0, x0] * (1 - wx) + small[y0, x0 + 1] * wx
            lower = small[y0 + 1, x0] * (1 - wx) + small[y0 + 1, x0 + 1] * wx
            out[y, x] = upper * (1 - wy) + lower * wy
    return out


@njit(cache=True, fastmath=True)
def transmit(paths, attenuation, spectrum):  # type: ignore[no-untyped-def]  # compiled
    """Transmitted fraction [rows, columns] of paths [4, rows, columns] in mm, summed over the spectrum's bins."""
    rows, columns = paths.shape[1], paths.shape[2]
    out = np.zeros((rows, columns), np.float32)
    for y in range(rows):
        for x in range(columns):
            total = 0.0
            for k in range(spectrum.shape[0]):
                depth = attenuation[k, 0] * max(paths[0, y, x], 0.0)
                for m in range(1, 4):
                    depth += attenuation[k, m] * paths[m, y, x]
                total += spectrum[k] * np.exp(-depth)
            out[y, x] = total
    return out

"""From path lengths to the detector's logarithmic signal: beam hardening, scatter, exposure control, noise, blur."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from workers.training.phantom import kernel
from workers.training.phantom.scene import SOFT

Float = NDArray[np.float32]
# Per mm at about 50, 65 and 85 keV: soft tissue, bone in excess of it, titanium, cement (models.md 4.4).
_ATTENUATION = np.array([[0.227, 0.55, 5.4, 1.9], [0.197, 0.32, 2.9, 1.1], [0.180, 0.23, 1.6, 0.7]]) / 10
_SPECTRUM = np.array([0.25, 0.45, 0.30])
_SCATTER_MM = 60.0


def blur(image: Float, sigma: float) -> Float:
    """Gaussian blur; wide ones run on a reduced grid, which is indistinguishable and many times faster."""
    step = int(min(sigma / 2.5, min(image.shape) / 6))
    if step < 2:
        smooth: Float = gaussian_filter(image, sigma)
        return smooth
    rows, columns = image.shape[0] // step * step, image.shape[1] // step * step
    blocks = image[:rows, :columns].reshape(rows // step, step, columns // step, step)
    small = gaussian_filter(np.asarray(blocks.mean(axis=(1, 3)), np.float32), sigma / step)
    # A second, small blur hides the knots that bilinear enlargement leaves in smooth gradients.
    large: Float = gaussian_filter(kernel.upsample(small, *image.shape), step / 2)
    return large


def detect(paths: Float, pixel_mm: float, rng: np.random.Generator) -> Float:
    """-log of the detected signal [rows, columns]; exposure is set by the median thickness, as by a real control."""
    soft = paths[SOFT]
    signal = kernel.transmit(paths, _ATTENUATION, _SPECTRUM)
    body = soft > 30
    thickness = float(np.median(soft[body])) if body.any() else 200.0
    # Grids and air gaps keep the scatter of thick laterals readable; beyond this nobody would accept the film.
    scatter = float(rng.uniform(0.15, 0.5)) * min((thickness / 220) ** 1.4, 1.3)
    signal = signal + np.float32(scatter * 0.9) * blur(signal, _SCATTER_MM / pixel_mm)
    signal = blur(signal, float(rng.uniform(0.3, 0.75)) * 0.6 / pixel_mm + 0.25)
    dose = 10 ** float(rng.uniform(3.1, 4.4)) * pixel_mm**2
    exit_signal = float(np.median(signal[body])) if body.any() else float(np.median(signal))
    quanta = np.float32(dose / max(exit_signal, 1e-6))
    grain = rng.standard_normal(signal.shape, np.float32)
    signal = signal + np.sqrt(np.maximum(signal, 1e-9) / quanta) * grain + np.float32(2e-5) * grain[::-1]
    logarithm: Float = -np.log(np.clip(signal, 1e-7, None))
    return logarithm

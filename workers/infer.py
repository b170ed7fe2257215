"""Infer: a bundle's network as one frozen graph, from a prepared batch to logits, features and last map.

Promise: every batch size bucket is traced and warmed before the first study; the graph has answered the
bundle's golden vectors within tolerance; the same batch gives the same bytes. The only home of TensorFlow
outside workers.models.
Refuses: a bundle whose golden vectors the graph does not reproduce; answers that are not finite numbers.
Half precision (bf16, by TensorFlow's graph optimiser) is opted into per bundle, and served only where the golden vectors
agree; else float32 serves, and the identity of the model says which. Never XLA: on a CPU it was 3 to 10 times slower.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.models import calibrate
from workers.models.bundle import Bundle, BundleRejected

Float = NDArray[np.float32]
# The last one holds the bodies of a whole spine, C3 to L5, in one call: 16 and then a lonely one cost a tenth more.
BUCKETS = (1, 2, 4, 8, 16, 24)
GOLDEN_TOLERANCE = 1e-3
FP32, BF16 = "fp32", "bf16"
# The largest change of a probability that half precision may make on the golden vectors (models.md 3.3), and of a
# corner's offset in steps of the map.
BF16_PROBABILITY, BF16_OFFSET = 0.03, 0.05
OUTPUTS = ("features", "last_map", "logits")


class InvalidAnswer(Exception):
    """The network answered with something that is no number: our fault, never a finding."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Row i answers image i: logits and features [n, ...], last_map [n, h, w, c]."""

    logits: Float
    features: Float
    last_map: Float


def configure_runtime(threads: int) -> None:
    """Fix Keras' backend and the thread pools; must run before TensorFlow computes anything."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    # More than one pool oversubscribes the cores: wall times were 3-10 x under load (models.md 3.8).
    tf.config.threading.set_inter_op_parallelism_threads(1)


def freeze(model: Any, height: int, width: int) -> Callable[[Any], dict[str, Any]]:
    """Return the model as a function over float32 [n, height, width, channels], its variables folded to constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    reads = tf.TensorSpec([None, height, width, model.input_shape[-1]], tf.float32)

    @tf.function(input_signature=[reads], autograph=False)  # type: ignore[untyped-decorator]  # ships no types
    def call(images: Any) -> Any:
        outputs = model(images, training=False)
        return [outputs[name] for name in OUTPUTS]

    frozen = convert_variables_to_constants_v2(call.get_concrete_function())
    return lambda images: dict(zip(OUTPUTS, frozen(images), strict=True))


class _Precision:
    """TensorFlow takes its optimiser's options at each call, for the whole process: kept as the graph called needs them."""

    reduced = False

    @classmethod
    def use(cls, reduced: bool) -> None:
        """Set the option for the calls that follow, where it is not so already."""
        if cls.reduced == reduced:
            return
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": reduced})
        cls.reduced = reduced


class Served:
    """One bundle, frozen and warm. Not thread-safe: a child serves one study at a time.

    `numerics` is what serves: bf16 only if asked for and if the golden vectors agree.
    """

    def __init__(self, bundle: Bundle, buckets: tuple[int, ...] = BUCKETS, numerics: str = FP32) -> None:
        self.bundle = bundle
        self.numerics = FP32
        self._buckets = buckets
        spec = bundle.preprocessing
        model = bundle.build_model()
        self._shape = (spec.height, spec.width, int(model.input_shape[-1]))
        self.difference = 0.0
        self._frozen = freeze(model, spec.height, spec.width)
        self._warm()
        expected = self._prove()
        if numerics == BF16:
            self.numerics = BF16
            self._warm()
            if not self._agrees(expected):
                self.numerics = FP32

    def graph(self, images: Any) -> dict[str, Any]:
        """Answer a tensor [n, height, width, channels] with the outputs by name, in the numerics that serve."""
        _Precision.use(self.numerics == BF16)
        return self._frozen(images)

    def _warm(self) -> None:
        for size in self._buckets:
            self.graph(_tensor(np.zeros((size, *self._shape), np.float32)))

    def _agrees(self, expected: Float) -> bool:
        """Tell whether half precision changes no golden probability, and no golden offset, by more than it may."""
        answers = self.run(self.bundle.golden_inputs()).logits
        if expected.ndim == 2:
            chances = [calibrate.apply(one, self.bundle.calibration) for one in (answers, expected)]
        else:
            chances = [calibrate.sigmoid(one[..., :1]) for one in (answers, expected)]
            # Offsets count where there is a body to have corners.
            moved = np.abs(answers - expected)[..., 1:] * (chances[1] > BF16_PROBABILITY)
            if moved.size and float(moved.max()) > BF16_OFFSET:
                return False
        return float(np.abs(chances[0] - chances[1]).max()) <= BF16_PROBABILITY

    def _prove(self) -> Float:
        inputs = self.bundle.golden_inputs()
        expected = self.bundle.golden["logits"]
        answers = self.run(inputs).logits
        if answers.shape != expected.shape:
            raise BundleRejected(f"{self.bundle.path / 'golden.npz'}: logits of another shape")
        self.difference = float(np.max(np.abs(answers - expected)))
        if not self.difference <= GOLDEN_TOLERANCE * max(1.0, float(np.max(np.abs(expected)))):
            raise BundleRejected(f"{self.bundle.path / 'golden.npz'}: logits differ by {self.difference:.2e}")
        return answers

    def run(self, batch: Float) -> Answers:
        """Return the answers to a batch [n, height, width, channels], n >= 1, of any size."""
        if batch.ndim != 4 or batch.shape[1:] != self._shape or len(batch) == 0:
            raise ValueError(f"{self.bundle.name} reads [n, {self._shape}], not {batch.shape}")
        most = self._buckets[-1]
        parts = [self._called(batch[first : first + most]) for first in range(0, len(batch), most)]
        whole = (
            parts[0] if len(parts) == 1 else {n: np.concatenate([part[n] for part in parts]) for n in _FIELDS}
        )
        answers = Answers(*(whole[name] for name in _FIELDS))
        if not (np.isfinite(answers.logits).all() and np.isfinite(answers.features).all()):
            raise InvalidAnswer(f"{self.bundle.name} {self.bundle.version} answered with what is no number")
        return answers

    def _called(self, batch: Float) -> dict[str, Float]:
        # Not padded up to a bucket: on a CPU an unseen size costs a few milliseconds once, padding costs them always.
        return {name: value.numpy() for name, value in self.graph(_tensor(batch)).items()}


_FIELDS = ("logits", "features", "last_map")


def _tensor(batch: Float) -> Any:
    import tensorflow as tf

    return tf.constant(np.ascontiguousarray(batch, np.float32))

"""Xception (Chollet, CVPR 2017), of the MR ensemble."""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

BACKBONES = {
    "xception": Backbone(
        keras_trunk("Xception"), "symmetric", 299, 71, 22_910_480, "keras.applications, with top"
    )
}

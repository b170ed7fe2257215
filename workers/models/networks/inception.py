"""InceptionV3 (Szegedy et al., CVPR 2016) and InceptionResNetV2 (Szegedy et al., AAAI 2017), of the MR ensemble."""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

BACKBONES = {
    "inception-v3": Backbone(
        keras_trunk("InceptionV3"), "symmetric", 299, 75, 23_851_784, "keras.applications, with top"
    ),
    "inception-resnet-v2": Backbone(
        keras_trunk("InceptionResNetV2"), "symmetric", 299, 75, 55_873_736, "keras.applications, with top"
    ),
}

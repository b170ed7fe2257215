"""MobileNet (Howard et al., arXiv 1704.04861) and MobileNetV2 (Sandler et al., CVPR 2018).

One of the three networks of the fresh-fracture radiograph classifier (Li et al. 2024, doi 10.1097/BRS.0000000000005156);
which version it was is not stated there.
"""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

BACKBONES = {
    "mobilenet": Backbone(
        keras_trunk("MobileNet"), "symmetric", 224, 32, 4_253_864, "keras.applications, with top"
    ),
    "mobilenet-v2": Backbone(
        keras_trunk("MobileNetV2"), "symmetric", 224, 32, 3_538_984, "keras.applications, with top"
    ),
}

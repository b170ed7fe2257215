"""ResNet-50 (He et al., CVPR 2016): of the MR ensemble, and the trunk of the five image-pair forms."""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

BACKBONES = {
    "resnet50": Backbone(
        keras_trunk("ResNet50"), "caffe", 224, 32, 25_636_712, "keras.applications, with top"
    )
}

"""VGG16 and VGG19 (Simonyan and Zisserman, ICLR 2015), two of the nine of the MR ensemble (Yabu et al. 2021).

The convolutions are the publication's; its three dense layers (123,642,856 of its parameters at 1000 classes) give way to
global average pooling and one dense layer, as for every network here: a closed-form attention map and any input size.
"""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

_PUBLISHED_TOP, _OUR_TOP = 123_642_856, 512 * 1000 + 1000
BACKBONES = {
    "vgg16": Backbone(
        keras_trunk("VGG16"), "caffe", 224, 32, 138_357_544 - _PUBLISHED_TOP + _OUR_TOP,
        "keras.applications, dense layers replaced",
    ),
    "vgg19": Backbone(
        keras_trunk("VGG19"), "caffe", 224, 32, 143_667_240 - _PUBLISHED_TOP + _OUR_TOP,
        "keras.applications, dense layers replaced",
    ),
}  # fmt: skip

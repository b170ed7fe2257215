"""DenseNet121, 169 and 201 (Huang et al., CVPR 2017), three of the nine of the MR ensemble (Yabu et al. 2021)."""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

_MEMBERS = {"121": 8_062_504, "169": 14_307_880, "201": 20_242_984}
BACKBONES = {
    f"densenet{member}": Backbone(
        keras_trunk(f"DenseNet{member}"), "torch", 224, 32, parameters, "keras.applications, with top"
    )
    for member, parameters in _MEMBERS.items()
}

"""EfficientNet B0 to B7 (Tan and Le, ICML 2019): one mobile network widened, deepened and enlarged together.

B6 is the network of the view and operative-state classifier (Mulford et al. 2024, doi 10.1007/s43390-024-00933-9).
The library scales and normalises inside the network, with constants that it keeps as variables and copies when it
is built, so that numbers assigned later have no effect; here both are the entry's constants, the same sum.
"""

from __future__ import annotations

from workers.models.networks.backbone import Backbone, keras_trunk

# Input sizes: table of the authors' repository; parameters: torchvision's documentation of efficientnet_b0 to b7.
_MEMBERS = {
    "B0": (224, 5_288_548),
    "B1": (240, 7_794_184),
    "B2": (260, 9_109_994),
    "B3": (300, 12_233_232),
    "B4": (380, 19_341_616),
    "B5": (456, 30_389_784),
    "B6": (528, 43_040_704),
    "B7": (600, 66_347_960),
}
BACKBONES = {
    f"efficientnet-{member.lower()}": Backbone(
        keras_trunk(f"EfficientNet{member}"), "torch", size, 32, parameters, "torchvision, trainable"
    )
    for member, (size, parameters) in _MEMBERS.items()
}

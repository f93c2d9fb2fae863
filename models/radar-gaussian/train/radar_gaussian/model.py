"""The detector: point encoder, backbone, head."""

from torch import nn

from . import encoder
from .backbone import SecondFpn
from .config import Config
from .head import CentreHead


class BevNetwork(nn.Module):
    """What runs behind the encoder, and what `backbone.onnx` holds."""

    def __init__(self, config: Config):
        super().__init__()
        self.backbone = SecondFpn(config.encoder.channels, config.backbone)
        self.head = CentreHead(config)

    def forward(self, bev):
        return self.head(self.backbone(bev))


class Detector(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.encoder = encoder.build(config)
        self.network = BevNetwork(config)

    def forward(self, points, valid):
        """points [B, P, F], valid bool [B, P] -> heat map logits and boxes as `CentreHead` gives them."""
        return self.network(self.encoder(points, valid))

"""Point encoders: from the points of B scans to bird's-eye features [B, C, H, W]."""

from ..config import Config
from .gaussian import GaussianEncoder
from .pillar import PillarEncoder


def build(config: Config):
    """The encoder of the configuration's variant."""
    if config.variant.startswith("gaussian"):
        return GaussianEncoder(config)
    return PillarEncoder(config, context=config.variant == "pillar+context")

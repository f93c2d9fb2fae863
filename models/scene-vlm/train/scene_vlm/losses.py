"""What is learnt, as a sum of named parts."""

import math

import torch
import torch.nn.functional as F

from .batches import ANSWER_LOSS, CAPTION_LOSS, Batch
from .config import Config
from .heads import CENTRES
from .language import CLASSES
from .model import SceneVlm

# Few patches show anything.
POSITIVE_WEIGHT = 3.0


def losses(model: SceneVlm, batch: Batch, names: torch.Tensor, config: Config, decoder: bool) -> dict[str, torch.Tensor]:
    """The parts of the loss, weighted. `names` i64 [4, N]: a name of each class."""
    parts = {}
    image = None
    if not config.blind:
        features = model.encoder(batch.pixels)
        weight = config.loss.keep if decoder else 1.0
        for name, part in (dense(model, features, batch) | match(model, features, batch, names)).items():
            parts[name] = weight * getattr(config.loss, name) * part
        image = 0.05 * model.connector(features)
    if decoder:
        logits = model.read(image, batch.tokens, batch.segment, batch.position, batch.kept)
        each = F.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), reduction="none")
        learn = batch.learn.flatten()
        for name, kind in (("caption", CAPTION_LOSS), ("answer", ANSWER_LOSS)):
            mask = (learn == kind).float()
            parts[name] = getattr(config.loss, name) * (each * mask).sum() / mask.sum().clamp(min=1.0)
    return parts


def dense(model: SceneVlm, features, batch: Batch) -> dict[str, torch.Tensor]:
    """Patches against what they show, and the facts."""
    head = model.dense
    shown = (batch.bits[..., None] >> torch.arange(model.language.shows)) & 1
    trusted = 1.0 - ((batch.bits >> model.language.shows) & 1).float()[..., None]
    scene, patch, kind = (torch.from_numpy(batch.centres[:, i]).long() for i in range(3))
    middles = torch.zeros(*batch.bits.shape, CENTRES)
    middles[scene, patch, kind] = 1.0
    bits, centres = head.bits(features), head.centres(features)
    loss = _binary(bits, shown.float(), trusted) + _binary(centres, middles, trusted)
    if len(scene):
        at = features[scene, patch]
        distance = torch.from_numpy(batch.centres[:, 3])
        loss = loss + F.smooth_l1_loss(head.distance(at)[:, 0], (distance / 12.0).log(), beta=0.1)
        colour = torch.from_numpy(batch.centres[:, 4]).long()
        if (colour >= 0).any():
            loss = loss + 0.3 * F.cross_entropy(head.colours(at), colour, ignore_index=-1)
    seen = torch.cat((bits, centres), -1).sigmoid()
    facts = [
        F.cross_entropy(logits, batch.labels[:, i], ignore_index=-1)
        for i, logits in enumerate(model.facts(features, seen))
        if (batch.labels[:, i] >= 0).any()
    ]
    return {"dense": loss, "facts": torch.stack(facts).mean()}


def _binary(logits, target, trusted):
    each = F.binary_cross_entropy_with_logits(
        logits, target, reduction="none", pos_weight=torch.tensor(POSITIVE_WEIGHT)
    )
    # Per patch that shows something the sum over all patches, so that empty road does not drown it.
    return (each * trusted).sum() / target.sum().clamp(min=1.0) / 2


def match(model: SceneVlm, features, batch: Batch, names) -> dict[str, torch.Tensor]:
    """Captions against pictures (InfoNCE both ways), names of classes against patches."""
    head = model.match
    image, text = head.of_image(features), head.of_text(batch.caption)
    scores = image @ text.t() * head.scale.exp().clamp(max=50.0)
    own = torch.arange(len(scores))
    whole = 0.5 * (F.cross_entropy(scores, own) + F.cross_entropy(scores.t(), own)) / math.log(max(2, len(own)))
    near = head.of_patches(features) @ head.of_text(names).t() * head.patch_scale.exp() + head.patch_bias
    shown = ((batch.bits[..., None] >> torch.arange(len(CLASSES))) & 1).float()
    trusted = 1.0 - ((batch.bits >> model.language.shows) & 1).float()[..., None]
    return {"match": whole + _binary(near, shown, trusted)}

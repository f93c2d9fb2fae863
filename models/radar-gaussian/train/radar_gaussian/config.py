"""What a run is made of, read from TOML. A key that nobody knows is an error."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from drafthorse_training import tables
from drafthorse_training.tables import ConfigError

VARIANTS = ("pillar", "pillar+context", "gaussian", "gaussian+bgl")


@dataclass(frozen=True)
class Grid:
    """Bird's-eye grid in the radar's frame. Rows follow y (H), columns follow x (W)."""

    x_min_m: float
    x_max_m: float
    y_min_m: float
    y_max_m: float
    z_min_m: float
    z_max_m: float
    cell_m: float

    @property
    def width(self) -> int:
        return round((self.x_max_m - self.x_min_m) / self.cell_m)

    @property
    def height(self) -> int:
        return round((self.y_max_m - self.y_min_m) / self.cell_m)


@dataclass(frozen=True)
class Points:
    """Columns of a point, and the mean and standard deviation that normalise them."""

    features: list[str]
    mean: list[float]
    std: list[float]


@dataclass(frozen=True)
class ObjectClass:
    """`nms_radius_m`: circle NMS, metres. `iou`: BEV overlap of a hit. `spread`: a of S = diag(l, w, h) / 2a."""

    name: str
    nms_radius_m: float
    iou: float
    spread: float


@dataclass(frozen=True)
class Encoder:
    channels: int
    neighbour_radius_m: float
    max_scale_m: float
    max_offset_m: float
    learned_opacity: bool
    screen_variance_px2: float


@dataclass(frozen=True)
class Backbone:
    """SECOND stages (convolutions, stride and width of each) and their FPN (stride up and width of each)."""

    layers: list[int]
    strides: list[int]
    widths: list[int]
    up_strides: list[int]
    up_widths: list[int]
    neck_width: int

    @property
    def out_stride(self) -> int:
        return self.strides[0] // self.up_strides[0]


@dataclass(frozen=True)
class Head:
    """`tasks` lists the classes that share one branch. Branches without width are single 1x1 convolutions."""

    shared_width: int
    branch_width: int
    tasks: list[list[str]]
    min_radius_cells: int
    min_overlap: float


@dataclass(frozen=True)
class Decode:
    """`candidates` cells and then `keep` boxes of each class; `nms`: circle or rotated."""

    score_min: float
    candidates: int
    keep: int
    nms: str


@dataclass(frozen=True)
class Loss:
    """Weights; `bgl_log` takes ln(1 + KL) of each box instead of KL."""

    heatmap: float
    l1: float
    bgl: float
    bgl_log: bool


@dataclass(frozen=True)
class Augment:
    flip: float
    scale: float
    rotation_rad: float


@dataclass(frozen=True)
class Train:
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    clip_norm: float
    warmup_steps: int


@dataclass(frozen=True)
class Data:
    """`kind`: shards, vod or tj4d. `newest_scan_only`: leaves out accumulated scans (shards alone).
    `min_returns`: boxes with fewer points are not looked for and not counted."""

    kind: str
    newest_scan_only: bool
    min_returns: int
    eval_stride: int


@dataclass(frozen=True)
class Config:
    name: str
    variant: str
    grid: Grid
    points: Points
    classes: list[ObjectClass]
    encoder: Encoder
    backbone: Backbone
    head: Head
    decode: Decode
    loss: Loss
    augment: Augment
    train: Train
    data: Data

    @property
    def class_names(self) -> list[str]:
        return [c.name for c in self.classes]

    def with_variant(self, variant: str) -> "Config":
        return checked(dataclasses.replace(self, variant=variant))

    def with_train(self, **changes) -> "Config":
        return checked(dataclasses.replace(self, train=dataclasses.replace(self.train, **changes)))

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


def load(path: str | Path) -> Config:
    """Reads a configuration. Raises ConfigError with the key at fault."""
    return checked(tables.read(Config, path))


def from_dict(table: dict) -> Config:
    return checked(tables.build(Config, table))


def checked(config: Config) -> Config:
    """The configuration itself, where its parts fit each other."""
    grid, backbone = config.grid, config.backbone
    if config.variant not in VARIANTS:
        raise ConfigError(f"variant {config.variant!r} is unknown; choose one of {', '.join(VARIANTS)}")
    if not len(config.points.features) == len(config.points.mean) == len(config.points.std):
        raise ConfigError("points: features, mean and std should be of one length")
    if config.points.features[:3] != ["x_m", "y_m", "z_m"]:
        raise ConfigError("points.features should begin with x_m, y_m, z_m")
    if sorted(name for task in config.head.tasks for name in task) != sorted(config.class_names):
        raise ConfigError("head.tasks should name each class once")
    stages = {len(v) for v in (backbone.layers, backbone.strides, backbone.widths, backbone.up_strides, backbone.up_widths)}
    if len(stages) != 1:
        raise ConfigError("backbone: layers, strides, widths, up_strides and up_widths should be of one length")
    down = 1
    for stride, up in zip(backbone.strides, backbone.up_strides):
        down *= stride
        if down % up or down // up != backbone.out_stride:
            raise ConfigError("backbone: each stage should come back up to the same stride")
    if grid.width % down or grid.height % down:
        raise ConfigError(f"grid of {grid.height}x{grid.width} cells is not divisible by the backbone's stride {down}")
    if config.decode.nms not in ("circle", "rotated"):
        raise ConfigError("decode.nms should be circle or rotated")
    if config.data.kind not in ("shards", "vod", "tj4d"):
        raise ConfigError("data.kind should be shards, vod or tj4d")
    return config

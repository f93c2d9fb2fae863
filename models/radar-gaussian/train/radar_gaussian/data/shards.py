"""Drives of the world generator: one safetensors file a drive, format `drafthorse-shard-1`."""

from pathlib import Path

import numpy as np
from safetensors import safe_open

from ..config import Config, ConfigError
from .frame import Frame

FORMAT = "drafthorse-shard-1"
COLUMNS = ["x_m", "y_m", "z_m", "rcs_dbsm", "v_r_mps", "v_r_comp_mps", "time_s"]


class Shards:
    """The frames of all drives in a folder, in the order of the file names."""

    def __init__(self, folder: str | Path, config: Config):
        paths = sorted(Path(folder).glob("*.safetensors"))
        if not paths:
            raise ConfigError(f"{folder} holds no *.safetensors; write drives with drafthorse-shards first")
        unknown = [name for name in config.points.features if name not in COLUMNS]
        if unknown:
            raise ConfigError(f"shards have no point features {unknown}; they have {COLUMNS}")
        self._columns = [COLUMNS.index(name) for name in config.points.features]
        self._drives = [_Drive(path, config.class_names, config.data.newest_scan_only) for path in paths]
        if len({drive.scans for drive in self._drives}) > 1:
            raise ConfigError(f"{folder}: drives of different numbers of scans a frame; write them with one --scans")
        self.scans = self._drives[0].scans
        self.radar = ", ".join(sorted({drive.radar for drive in self._drives}))
        self._index = [(d, f) for d, drive in enumerate(self._drives) for f in range(drive.frames)]

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, i: int) -> Frame:
        drive, frame = self._index[i]
        return self._drives[drive].frame(frame, self._columns)

    def point_objects(self, i: int) -> np.ndarray:
        """i64 [P]: the track each point came off, -1 for scenery, -2 for ghosts."""
        drive, frame = self._index[i]
        return self._drives[drive].points("point_object", frame)

    def box_tracks(self, i: int) -> np.ndarray:
        """i64 [M]: the tracks of the boxes."""
        drive, frame = self._index[i]
        return self._drives[drive].rows("box_track", "boxes_start", frame)


class _Drive:
    def __init__(self, path: Path, wanted: list[str], newest_only: bool):
        with safe_open(path, "np") as file:
            meta = file.metadata() or {}
            if meta.get("format") != FORMAT:
                raise ConfigError(f"{path}: format {meta.get('format')!r} is not {FORMAT}; write the drives anew")
            self._arrays = {name: file.get_tensor(name) for name in file.keys()}
        named = meta["classes"].split(",")
        missing = [name for name in named if name not in wanted]
        if missing:
            raise ConfigError(f"{path}: classes {missing} are not in the configuration's {wanted}")
        self._class_of = np.array([wanted.index(name) for name in named])
        self.scans, self.radar = int(meta["scans"]), meta.get("radar", "unknown")
        self._newest_only = newest_only
        self.name = path.stem
        self.frames = len(self._arrays["captured_ns"])

    def rows(self, array: str, starts: str, frame: int) -> np.ndarray:
        start = self._arrays[starts]
        return self._arrays[array][start[frame] : start[frame + 1]]

    def points(self, array: str, frame: int) -> np.ndarray:
        """The rows of `array` that belong to the points asked for: all scans, or the newest."""
        rows = self.rows(array, "points_start", frame)
        if not self._newest_only:
            return rows
        return rows[self.rows("points", "points_start", frame)[:, COLUMNS.index("time_s")] == 0]

    def frame(self, f: int, columns: list[int]) -> Frame:
        points = self.points("points", f)[:, columns]
        returns = self.rows("box_returns" if self._newest_only else "box_returns_all", "boxes_start", f)
        return Frame(
            name=f"{self.name}/{f:06d}",
            points=np.ascontiguousarray(points, dtype=np.float32),
            boxes=self.rows("boxes", "boxes_start", f),
            classes=self._class_of[self.rows("box_class", "boxes_start", f)],
            returns=returns.astype(np.int64),
            moving=self.rows("box_moving", "boxes_start", f).astype(bool),
        )

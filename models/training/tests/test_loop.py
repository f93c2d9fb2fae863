"""What all runs share."""

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from drafthorse_training import checkpoint, tables
from drafthorse_training.loop import forget_after, warm_cosine
from drafthorse_training.tables import ConfigError


@dataclass(frozen=True)
class Part:
    width: float
    names: list[str]


@dataclass(frozen=True)
class Whole:
    parts: list[Part]


def test_a_table_becomes_what_it_is_told_to_be_or_says_what_is_wrong():
    table = {"parts": [{"width": 2, "names": ["a"]}]}
    whole = tables.build(Whole, table)
    assert whole == Whole([Part(2.0, ["a"])]) and dataclasses.asdict(whole) == table
    for wrong, said in (
        ({"parts": [{"width": "2", "names": []}]}, r"parts\[0\].width should be float"),
        ({"parts": [{"names": [], "wide": 2.0}]}, r"unknown keys \['wide'\], missing keys \['width'\]"),
        ({"parts": 3}, "parts should be a list"),
    ):
        with pytest.raises(ConfigError, match=said):
            tables.build(Whole, wrong)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(ConfigError, match="no checkpoint"):
        checkpoint.load(path)
    checkpoint.save(path, {"seed": 1, "step": 7})
    assert checkpoint.own(path, seed=1)["step"] == 7
    with pytest.raises(ConfigError, match="of another seed"):
        checkpoint.own(path, seed=2)


def test_lines_of_steps_to_be_done_again_are_dropped(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps({"step": step}) + "\n" for step in (50, 100, 150)))
    forget_after(log, 100)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [50, 100]


def test_the_rate_rises_and_falls_to_its_floor():
    rates = [warm_cosine(step, 20, 4, 0.02) for step in range(21)]
    assert rates[0] == 0.25 and rates[4] == 1.0 and rates[20] == pytest.approx(0.02)
    assert all(a > b for a, b in zip(rates[4:], rates[5:]))

"""Judges what load.sh measured: ratios and counts, never times of one machine."""

import json
import sys
from pathlib import Path


def main(folder: Path, before_mib: int, after_mib: int):
    of = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json") if path.stem != "ready"}
    wrong = []

    def check(holds: bool, what: str):
        print(("ok:    " if holds else "WRONG: ") + what)
        if not holds:
            wrong.append(what)

    for pace in (0, 20):
        one, many = (of[f"pace-{pace}-batch-{batch}"]["answered_per_s"] for batch in (1, 32))
        check(many >= 2 * one, f"pace {pace} ms: {many} blocks/s batched, {one} one by one: {many / one:.1f}x, at least 2x")
        calm = of[f"pace-{pace}-two-blocks-a-second"]
        check(calm["answered"] == calm["blocks"], f"pace {pace} ms: {calm['answered']} of {calm['blocks']} blocks answered at 2/s")
        busy = of[f"pace-{pace}-overload"]
        check(busy["answered"] == busy["blocks"], f"pace {pace} ms: all {busy['blocks']} blocks answered in the end, {busy['refused']} refused, {busy['recovered_after_s']} s behind the peak")
        check(busy["calls"] <= 2 * busy["blocks"], f"pace {pace} ms: {busy['calls']} calls for {busy['blocks']} blocks: no storm")
    flood = of["small-flood"]
    refused = flood["refused"]
    check(set(refused) == {"ResourceExhausted"}, f"flooded, the small server refuses as typed: {refused}")
    check(flood["answered"] > 0, f"and answers {flood['answered_per_s']} blocks/s meanwhile")
    check(after_mib - before_mib < 256, f"in {after_mib} MiB at most, {before_mib} MiB before")
    later = of["small-after"]
    check(later["answered"] == later["blocks"], f"and all {later['blocks']} blocks afterwards")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

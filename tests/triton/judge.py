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
        one, many, mixed = (of[f"pace-{pace}-{name}"] for name in ("batch-1", "batch-32", "mixed"))
        # Without a pace the processor is the limit: what it gives for its time does not depend on who else uses it.
        unit = "answered_per_cpu_s" if pace == 0 else "answered_per_s"
        per = "second of the processor" if pace == 0 else "second"
        gain = many[unit] / one[unit]
        check(gain >= 2, f"pace {pace} ms: {many[unit]} blocks a {per} batched, {one[unit]} one by one: {gain:.1f}x, at least 2x")
        print(f"       pace {pace} ms: {mixed[unit]} where 16 to 128 image tokens are kept")
        calm = of[f"pace-{pace}-two-blocks-a-second"]
        # Where every run is 20 ms one instance has less than 64 blocks a second, so that they wait and must all come through.
        held = calm["answered"] == calm["blocks"] and (pace > 0 or calm["longest_spool"] <= 10)
        check(held, f"pace {pace} ms: 32 vehicles at 2 blocks/s, {calm['answered']} of {calm['blocks']} answered, {calm['longest_spool']} waited at most in one")
        busy = of[f"pace-{pace}-overload"]
        check(busy["answered"] == busy["blocks"], f"pace {pace} ms: all {busy['blocks']} blocks answered in the end, {busy['refused']} refused, {busy['recovered_after_s']} s behind the peak")
        check(busy["calls"] <= 2 * busy["blocks"], f"pace {pace} ms: {busy['calls']} calls for {busy['blocks']} blocks: no storm")
    flood = of["small-flood"]
    refused = flood["refused"]
    typed = {"ResourceExhausted", "DeadlineExceeded", "Cancelled"}
    check("ResourceExhausted" in refused and set(refused) <= typed, f"flooded, the small server refuses as typed: {refused}")
    check(flood["answered"] > 0, f"and answers {flood['answered_per_s']} blocks/s meanwhile")
    check(after_mib - before_mib < 256, f"in {after_mib} MiB at most, {before_mib} MiB before")
    later = of["small-after"]
    check(later["answered"] == later["blocks"], f"and all {later['blocks']} blocks afterwards")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

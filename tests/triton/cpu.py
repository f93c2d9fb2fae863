"""Processor time of a server with all its children.

    cpu.py PID                       prints it, s
    cpu.py PID BEFORE NAME REPORT    prints the report, a line of JSON, with the name and what was taken since
"""

import json
import os
import sys
from pathlib import Path


def stat(pid: str) -> tuple:
    """Parent, and processor time in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[1], int(fields[11]) + int(fields[12])


def taken_s(root: str) -> float:
    of = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            of[entry.name] = stat(entry.name)
        except OSError:
            continue
    family, more = {root}, True
    while more:
        found = {pid for pid, (parent, _) in of.items() if parent in family} - family
        family |= found
        more = bool(found)
    return sum(of[pid][1] for pid in family) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    taken = taken_s(sys.argv[1])
    if len(sys.argv) == 2:
        print(taken)
    else:
        report = json.loads(Path(sys.argv[4]).read_text())
        spent = taken - float(sys.argv[2])
        report["server_cpu_s"] = round(spent, 2)
        report["answered_per_cpu_s"] = round(report["answered"] / max(spent, 0.01), 1)
        print(json.dumps({"measured": sys.argv[3], **report}))

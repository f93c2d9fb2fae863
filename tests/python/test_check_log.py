"""Checks the checker: a sound log's copies with one thing wrong must each be refused."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

CHECK = pathlib.Path(__file__).with_name("check_log.py")


def refused(summary, folder):
    """Whether the checker refuses this summary and its logs."""
    path = folder / "summary.json"
    path.write_text(json.dumps(summary))
    ended = subprocess.run([sys.executable, CHECK, path], capture_output=True, check=False)
    return ended.returncode != 0


def copied(summary, folder, change):
    """The summary over copies of its logs, the first one changed."""
    logs = []
    for number, path in enumerate(map(pathlib.Path, summary["logs"])):
        copy = folder / f"{number}.mcap"
        shutil.copyfile(path, copy)
        logs.append(copy)
    content = bytearray(logs[0].read_bytes())
    change(content)
    logs[0].write_bytes(content)
    return {**summary, "logs": [str(log) for log in logs]}


def cut(content):
    """Takes the last third away."""
    del content[len(content) * 2 // 3 :]


def flip(content):
    """Changes one byte in the middle."""
    content[len(content) // 2] ^= 0xFF


def main():
    """Runs each case on the summary named on the command line."""
    summary = json.loads(pathlib.Path(sys.argv[1]).read_text())
    wrong = ("messages", "scans", "frames", "tracks", "drops")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cases = {"nothing": (copied(summary, folder, lambda _: None), False)}
        for key in wrong:
            cases[key] = ({**summary, key: summary[key] + 1}, True)
        failures = [case for case, (it, bad) in cases.items() if refused(it, folder) != bad]
        for change in (cut, flip):
            if not refused(copied(summary, folder, change), folder):
                failures.append(change.__name__)
    total = len(cases) + 2
    print(f"test_check_log: {total - len(failures)} passed, {len(failures)} failed")
    for case in failures:
        print(f"test_check_log: FAILED: {case}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

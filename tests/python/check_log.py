"""Checks a run's log with the readers of other people.

Opens every segment with the `mcap` package's seeking and non-seeking readers, decodes every
message with `mcap-protobuf-support`, and compares what is there with the file's own statistics
and with the summary that `drafthorse run --json` printed.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import sys

from mcap.exceptions import McapError
from mcap.reader import NonSeekingReader, SeekingReader
from mcap_protobuf.decoder import DecoderFactory

ROLES = {"raw", "derived", "input", "measured", "truth", "static"}
FOXGLOVE = "foxglove."
SENSOR_BYTES = "drafthorse.SensorBytes"
PAIRING = {1: "paired", 2: "camera_only", 3: "radar_only"}


class Failure(Exception):
    """A check that did not hold."""


def expect(holds, text):
    """Raises `Failure` with the text unless the condition holds."""
    if not holds:
        raise Failure(text)


def fingerprint(message):
    """What two readers must agree on for one message."""
    digest = hashlib.blake2b(message.data, digest_size=16).digest()
    return (message.channel_id, message.sequence, message.log_time, message.publish_time, digest)


class Segment:
    """One file, read in three ways."""

    def __init__(self, path):
        self.path = path
        with path.open("rb") as file:
            reader = SeekingReader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
            self.summary = reader.get_summary()
            expect(self.summary is not None, f"{path}: no summary section")
            self.metadata = {item.name: item.metadata for item in reader.iter_metadata()}
            times, self.indexed = [], collections.Counter()
            for _, _, message in reader.iter_messages(log_time_order=True):
                times.append(message.log_time)
                self.indexed[fingerprint(message)] += 1
            expect(times == sorted(times), f"{path}: the index does not give log time order")
        with path.open("rb") as file:
            reader = NonSeekingReader(
                file, validate_crcs=True, decoder_factories=[DecoderFactory()]
            )
            self.messages = list(reader.iter_decoded_messages(log_time_order=False))

    def check(self):
        """What must hold for any log of ours."""
        path, summary = self.path, self.summary
        streamed = collections.Counter(fingerprint(m.message) for m in self.messages)
        expect(streamed == self.indexed, f"{path}: the two readers see different messages")
        counts = collections.Counter(m.channel.id for m in self.messages)
        statistics = summary.statistics
        expect(statistics is not None, f"{path}: no statistics")
        expect(statistics.message_count == len(self.messages), f"{path}: message count")
        recorded = {key: n for key, n in statistics.channel_message_counts.items() if n}
        expect(recorded == dict(counts), f"{path}: counts by channel")
        expect(statistics.chunk_count == len(summary.chunk_indexes), f"{path}: chunk count")
        times = [m.message.log_time for m in self.messages]
        if times:
            expect(statistics.message_start_time == min(times), f"{path}: start time")
            expect(statistics.message_end_time == max(times), f"{path}: end time")
        for channel in summary.channels.values():
            role = channel.metadata.get("drafthorse.role")
            expect(role in ROLES, f"{path}: {channel.topic} has the role {role}")
            schema = summary.schemas[channel.schema_id]
            expect(schema.encoding == "protobuf", f"{path}: {channel.topic} is {schema.encoding}")
        expect("drafthorse.run" in self.metadata, f"{path}: no drafthorse.run record")
        plan = json.loads(self.metadata["drafthorse.run"].get("plan", "{}"))
        names = {
            int(index): name
            for index, name in self.metadata.get("drafthorse.sensors", {}).items()
            if index.isdigit()
        }
        expect(names, f"{path}: no drafthorse.sensors record")
        expect(len(plan.get("sensors", ())) == len(names), f"{path}: the plan's sensors")
        for channel in summary.channels.values():
            sensor = channel.metadata.get("drafthorse.sensor")
            index = channel.metadata.get("drafthorse.sensor_index", "-1")
            expect(sensor == names.get(int(index)), f"{path}: {channel.topic} is of {sensor}")


def check_order(segments):
    """Raw messages of a sensor keep the order in which they came."""
    last = {}
    for segment in segments:
        for _, channel, message, _ in segment.messages:
            if channel.metadata.get("drafthorse.role") != "raw":
                continue
            before = last.get(channel.topic)
            if before is not None:
                sequence, received = before
                expect(message.sequence > sequence, f"{channel.topic}: sequence went back")
                expect(message.log_time >= received, f"{channel.topic}: log time went back")
            last[channel.topic] = (message.sequence, message.log_time)
    expect(last, "no raw message in the log")


def check_foxglove(messages):
    """What Foxglove shows is there and says what it should."""
    names = {schema.name for schema, _, _, _ in messages}
    formats = {
        decoded.format for schema, _, _, decoded in messages if schema.name == SENSOR_BYTES
    }
    wanted = {"foxglove.FrameTransform"}
    if formats:
        wanted.add("foxglove.SceneUpdate")
    if formats & {"ars548", "ti_tlv"}:
        wanted.add("foxglove.PointCloud")
    if any(channel.topic.endswith("/frame") for _, channel, _, _ in messages):
        wanted.add("foxglove.CompressedImage")
    expect(wanted <= names, f"schemas missing: {sorted(wanted - names)}")
    for schema, channel, _, decoded in messages:
        if schema.name == "foxglove.PointCloud":
            fields = [field.name for field in decoded.fields]
            expect(fields[:3] == ["x", "y", "z"], f"{channel.topic}: fields {fields}")
            expect(decoded.point_stride > 0, f"{channel.topic}: no stride")
            rest = len(decoded.data) % decoded.point_stride
            expect(rest == 0, f"{channel.topic}: {rest} odd bytes")
            expect(decoded.frame_id, f"{channel.topic}: no frame")
        elif schema.name == "foxglove.CompressedImage" and decoded.format == "jpeg":
            expect(decoded.data[:2] == b"\xff\xd8", f"{channel.topic}: not a JPEG picture")


def check_summary(messages, summary):
    """The summary counts what the log holds."""
    by_topic = collections.Counter(channel.topic for _, channel, _, _ in messages)
    expect(summary["messages"] == len(messages), f"messages: {len(messages)} in the log")
    frames = sum(n for topic, n in by_topic.items() if topic.endswith("/frame"))
    expect(summary["frames"] == frames, f"frames: {frames} in the log")
    scans = by_topic["/tracks"]
    expect(summary["scans"] == scans, f"scans: {scans} in the log")
    tracks = {
        track.id
        for schema, _, _, decoded in messages
        if schema.name == "drafthorse.Tracks"
        for track in decoded.tracks
    }
    expect(summary["tracks"] == len(tracks), f"tracks: {len(tracks)} in the log")
    lost = summary["drops_by_lane"].get("record", 0)
    drops = by_topic["/lanes/drop"] + lost
    expect(summary["drops"] == drops, f"drops: {drops} in the log")
    pairs = collections.Counter(
        PAIRING.get(decoded.outcome, "unknown")
        for schema, _, _, decoded in messages
        if schema.name == "drafthorse.Pairing"
    )
    told = {name: n for name, n in summary["pairs"].items() if n}
    expect(told == dict(pairs), f"pairs: {dict(pairs)} in the log")


def points(messages):
    """The number of points of each cloud, in order."""
    return [
        len(decoded.data) // decoded.point_stride
        for schema, _, _, decoded in messages
        if schema.name == "foxglove.PointCloud"
    ]


def main():
    """Reads the arguments, checks, and prints one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("summary", type=pathlib.Path, help="what `drafthorse run --json` printed")
    parser.add_argument("--points", type=int, help="points of the first cloud")
    parser.add_argument("--frames", type=int, help="camera frames")
    arguments = parser.parse_args()
    summary = json.loads(arguments.summary.read_text())
    try:
        paths = [pathlib.Path(path) for path in summary["logs"]]
        expect(paths, "the summary names no log")
        segments = [Segment(path) for path in paths]
        for segment in segments:
            segment.check()
        messages = [message for segment in segments for message in segment.messages]
        check_order(segments)
        check_foxglove(messages)
        check_summary(messages, summary)
        if arguments.points is not None:
            found = points(messages)[:1]
            expect(found == [arguments.points], f"points of the first cloud: {found}")
        if arguments.frames is not None:
            expect(summary["frames"] == arguments.frames, f"frames: {summary['frames']}")
    except (Failure, McapError, OSError) as failure:
        print(f"check_log: FAILED: {failure}", file=sys.stderr)
        return 1
    schemas = {schema.name for schema, _, _, _ in messages}
    foxglove = sorted(name for name in schemas if name.startswith(FOXGLOVE))
    print(
        f"check_log: {len(segments)} segments, {len(messages)} messages of {len(schemas)} schemas "
        f"decoded by both readers; {', '.join(foxglove)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

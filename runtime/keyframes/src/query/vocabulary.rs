//! Words and what they ask for. Groups of words for one thing make texts of different wording comparable.

use super::sense::{Distance, Light, Motion, Sense, Side, Signal, Traffic, Weather};
use drafthorse_core::Class;

/// What a run of words begins with: how many words it takes, and what they mean; the longest phrase wins.
pub(super) fn sense_of(words: &[String]) -> Option<(usize, Sense)> {
    let mut best: Option<(usize, Sense)> = None;
    for (sense, phrases) in VOCABULARY {
        for phrase in *phrases {
            let length = phrase.split(' ').count();
            let is_longer = best.is_none_or(|(known, _)| length > known);
            if is_longer
                && phrase
                    .split(' ')
                    .eq(words.iter().take(length).map(String::as_str))
            {
                best = Some((length, *sense));
            }
        }
    }
    best
}

const VOCABULARY: &[(Sense, &[&str])] = &[
    (
        Sense::User(Class::Car),
        &[
            "car",
            "cars",
            "van",
            "vans",
            "taxi",
            "taxis",
            "passenger car",
            "automobile",
        ],
    ),
    (
        Sense::User(Class::Truck),
        &[
            "truck",
            "trucks",
            "lorry",
            "lorries",
            "bus",
            "buses",
            "hgv",
            "heavy vehicle",
        ],
    ),
    (
        Sense::User(Class::Cyclist),
        &[
            "cyclist",
            "cyclists",
            "bicycle",
            "bicycles",
            "bike",
            "bikes",
            "biker",
            "person on a bicycle",
            "people on bicycles",
            "motorcycle",
            "motorcyclist",
            "rider",
        ],
    ),
    (
        Sense::User(Class::Pedestrian),
        &[
            "pedestrian",
            "pedestrians",
            "person",
            "people",
            "person on foot",
            "people on foot",
            "somebody on foot",
            "walker",
            "man",
            "woman",
            "child",
            "children",
            "kid",
            "kids",
        ],
    ),
    (
        Sense::User(Class::Unknown),
        &[
            "vehicle",
            "vehicles",
            "somebody",
            "someone",
            "road user",
            "road users",
            "anybody",
            "object",
        ],
    ),
    (
        Sense::Side(Side::Left),
        &[
            "left",
            "on the left",
            "to the left",
            "from the left",
            "to our left",
        ],
    ),
    (
        Sense::Side(Side::Ahead),
        &[
            "ahead",
            "straight ahead",
            "in front",
            "in front of us",
            "before us",
            "leading",
            "ahead of us",
        ],
    ),
    (
        Sense::Side(Side::Right),
        &[
            "right",
            "on the right",
            "to the right",
            "from the right",
            "to our right",
        ],
    ),
    (
        Sense::Distance(Distance::Near),
        &["near", "nearby", "close", "close by", "closest"],
    ),
    (
        Sense::Distance(Distance::Far),
        &["far", "far away", "far off", "distant", "in the distance"],
    ),
    (
        Sense::Motion(Motion::Crossing),
        &[
            "crossing",
            "crosses",
            "cross",
            "crossed",
            "across",
            "crossing the road",
            "stepping out",
            "steps out",
        ],
    ),
    (
        Sense::Motion(Motion::Oncoming),
        &[
            "oncoming",
            "towards us",
            "coming towards us",
            "approaching",
            "approaches",
        ],
    ),
    (
        Sense::Motion(Motion::CuttingIn),
        &[
            "cut in",
            "cuts in",
            "cutting in",
            "cutting us off",
            "cut off",
            "merges",
            "merging",
            "pulls out",
            "pulling out",
        ],
    ),
    (
        Sense::Motion(Motion::Overtaking),
        &[
            "overtaking",
            "overtakes",
            "overtake",
            "overtook",
            "passing us",
            "passes us",
        ],
    ),
    (
        Sense::Motion(Motion::Standing),
        &[
            "stopped",
            "standing",
            "stationary",
            "parked",
            "waiting",
            "waits",
        ],
    ),
    (
        Sense::Motion(Motion::Fast),
        &["fast", "speeding", "at speed", "high speed", "quick"],
    ),
    (Sense::Colour("white"), &["white"]),
    (Sense::Colour("black"), &["black"]),
    (Sense::Colour("grey"), &["grey", "gray"]),
    (Sense::Colour("red"), &["red"]),
    (Sense::Colour("blue"), &["blue"]),
    (Sense::Colour("green"), &["green"]),
    (Sense::Colour("yellow"), &["yellow"]),
    (
        Sense::Light(Light::Day),
        &["day", "daytime", "daylight", "by day", "midday", "noon"],
    ),
    (
        Sense::Light(Light::LowSun),
        &[
            "low sun",
            "sunset",
            "sunrise",
            "glare",
            "sun in the eyes",
            "blinding sun",
            "dazzling sun",
        ],
    ),
    (
        Sense::Light(Light::Dusk),
        &["dusk", "twilight", "dawn", "nightfall", "getting dark"],
    ),
    (
        Sense::Light(Light::Night),
        &[
            "night",
            "at night",
            "by night",
            "dark",
            "darkness",
            "night time",
            "nighttime",
            "in the dark",
        ],
    ),
    (
        Sense::Weather(Weather::Clear),
        &["clear weather", "dry", "clear air", "dry weather", "clear"],
    ),
    (
        Sense::Weather(Weather::Drizzle),
        &["drizzle", "drizzling", "drizzly", "light rain"],
    ),
    (
        Sense::Weather(Weather::Rain),
        &[
            "rain",
            "raining",
            "rains",
            "rainy",
            "heavy rain",
            "wet",
            "downpour",
            "pouring",
        ],
    ),
    (
        Sense::Weather(Weather::Fog),
        &[
            "fog",
            "foggy",
            "mist",
            "misty",
            "thick fog",
            "low visibility",
        ],
    ),
    (
        Sense::Signal(Signal::Any),
        &[
            "traffic light",
            "traffic lights",
            "traffic signal",
            "signal",
        ],
    ),
    (
        Sense::Signal(Signal::Red),
        &[
            "red light",
            "red traffic light",
            "red signal",
            "light is red",
            "traffic light is red",
        ],
    ),
    (
        Sense::Signal(Signal::Green),
        &[
            "green light",
            "green traffic light",
            "green signal",
            "light is green",
            "traffic light is green",
        ],
    ),
    (
        Sense::Zebra,
        &[
            "zebra",
            "zebra crossing",
            "crosswalk",
            "pedestrian crossing",
            "crossing for people on foot",
        ],
    ),
    (
        Sense::Traffic(Traffic::Busy),
        &[
            "traffic",
            "lots of traffic",
            "heavy traffic",
            "dense traffic",
            "busy",
            "busy street",
            "busy road",
            "crowded",
            "traffic jam",
            "congestion",
            "many cars",
            "lots of cars",
            "many road users",
        ],
    ),
    (
        Sense::Traffic(Traffic::Empty),
        &[
            "empty road",
            "empty street",
            "empty",
            "deserted",
            "free road",
            "nobody ahead",
            "nobody is ahead",
        ],
    ),
    (
        Sense::Told("braking"),
        &[
            "brake",
            "brakes",
            "braking",
            "braked",
            "hard braking",
            "brakes hard",
            "emergency braking",
            "emergency brake",
            "hard stop",
            "sudden stop",
            "slammed the brakes",
            "decelerates",
            "deceleration",
        ],
    ),
    (
        Sense::Told("stop"),
        &[
            "stop",
            "stops",
            "halt",
            "halts",
            "comes to a stop",
            "came to a stop",
            "standstill",
        ],
    ),
    (
        Sense::Told("setting off"),
        &[
            "sets off",
            "set off",
            "setting off",
            "pulls away",
            "starts moving",
            "drives off",
        ],
    ),
    (
        Sense::Told("turning left"),
        &[
            "turns left",
            "turning left",
            "left turn",
            "turn left",
            "turned left",
        ],
    ),
    (
        Sense::Told("turning right"),
        &[
            "turns right",
            "turning right",
            "right turn",
            "turn right",
            "turned right",
        ],
    ),
    (
        Sense::Told("conflict"),
        &[
            "conflict",
            "near miss",
            "near collision",
            "close call",
            "almost hit",
            "almost crashed",
            "dangerous",
            "danger",
        ],
    ),
    (
        Sense::Told("crash"),
        &["crash", "crashed", "accident", "collision", "collided"],
    ),
    (
        Sense::Told("takeover"),
        &[
            "takeover",
            "took over",
            "take over",
            "taken over",
            "taking over",
            "intervened",
            "intervention",
            "disengaged",
            "disengagement",
            "grabbed the wheel",
            "grabs the wheel",
            "manual control",
        ],
    ),
    (
        Sense::Told("emergency vehicle"),
        &[
            "ambulance",
            "siren",
            "sirens",
            "police",
            "police car",
            "fire engine",
            "fire truck",
            "emergency vehicle",
            "emergency vehicles",
            "blue lights",
            "flashing lights",
        ],
    ),
    (
        Sense::Told("road damage"),
        &[
            "pothole",
            "potholes",
            "bump",
            "rough road",
            "rough surface",
            "road damage",
            "damaged road",
            "uneven road",
        ],
    ),
    (
        Sense::Told("animal"),
        &[
            "animal", "animals", "deer", "fox", "dog", "dogs", "cat", "wildlife", "boar",
        ],
    ),
    (
        Sense::Told("roadworks"),
        &[
            "roadworks",
            "road works",
            "construction",
            "construction site",
            "cones",
            "road workers",
            "lane closed",
        ],
    ),
    (
        Sense::Told("obstacle"),
        &[
            "debris",
            "lost cargo",
            "something on the road",
            "object on the road",
            "obstacle",
            "cardboard box",
        ],
    ),
    (Sense::Told("radar"), &["radar", "radars"]),
    (
        Sense::Told("camera"),
        &["camera", "cameras", "video", "lens"],
    ),
    (
        Sense::Told("clock"),
        &[
            "clock",
            "timestamp",
            "timestamps",
            "ptp",
            "synchronisation",
            "synchronization",
        ],
    ),
    (
        Sense::Told("silence"),
        &[
            "stalled",
            "silent",
            "no message",
            "dropout",
            "dropped out",
            "went quiet",
            "disconnected",
            "lost",
            "signal lost",
            "missing",
            "outage",
            "vanished",
            "froze",
            "frozen",
        ],
    ),
    (
        Sense::Told("recovery"),
        &[
            "recovered",
            "came back",
            "back again",
            "reconnected",
            "returned",
        ],
    ),
    (
        Sense::Told("bad data"),
        &[
            "undecodable",
            "corrupt",
            "corrupted",
            "checksum",
            "garbled",
            "broken data",
            "bad data",
            "counter gap",
        ],
    ),
    (
        Sense::Told("overload"),
        &[
            "dropped",
            "drops",
            "overload",
            "overloaded",
            "busy lane",
            "too slow",
            "backlog",
        ],
    ),
    (
        Sense::Told("fault"),
        &[
            "fault",
            "faults",
            "failure",
            "failed",
            "error",
            "errors",
            "malfunction",
            "problem",
        ],
    ),
    (
        Sense::Told("note"),
        &[
            "note",
            "notes",
            "noted",
            "driver note",
            "driver said",
            "comment",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_phrase_means_two_things() {
        let mut seen = BTreeSet::new();
        for phrase in VOCABULARY.iter().flat_map(|(_, phrases)| *phrases) {
            assert!(seen.insert(*phrase), "{phrase}");
        }
    }

    #[test]
    fn every_phrase_is_found_and_the_longest_one_wins() {
        for (sense, phrases) in VOCABULARY {
            for phrase in *phrases {
                let words: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
                assert_eq!(sense_of(&words), Some((words.len(), *sense)), "{phrase}");
            }
        }
    }
}

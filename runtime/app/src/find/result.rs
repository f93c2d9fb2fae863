//! What was found, for people and programs. Its JSON form is a contract.

use super::FindOptions;
use super::drive::{Drive, SeenUser, Shot, Watch};
use super::log::Read;
use super::streams::Streams;
use super::ways::{Choice, Readings, Way, choose};
use drafthorse_keyframes::query::{Query, STREAM_NAMES, STREAMS, Sense, anchor};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Recordings whose moments are further apart than this have a beginning each, ns: a log may hold drives of
/// different days.
const ANOTHER_DAY_NS: u64 = 24 * 3_600_000_000_000;

/// Raw values of streams below which nothing fits well. In 98 queries of the tuning towns about what was there
/// (docs/find.md), with the scene model, the best moment of those that ask about road users has at least 1.14, of those about the scene
/// at least 0.67; where nothing of it is there a caption fits by some 0.5.
const WEAK_USER: f32 = 0.5;
const WEAK_SCENE: f32 = 0.6;

/// What a search found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The query as it was given.
    pub query: String,
    /// What was understood of it.
    pub said: Vec<SaidWord>,
    /// The log.
    pub log: String,
    /// How moments were chosen.
    pub way: Way,
    /// Folder of the model, and the engine that ran it.
    pub model: Option<String>,
    /// The engine.
    pub engine: Option<String>,
    /// Folder of the detector.
    pub detector: Option<String>,
    /// The caption that the model compared pictures with.
    pub caption: Option<String>,
    /// The gate; none where the way has none.
    pub gate: Option<GateUsed>,
    /// What each stream was asked.
    pub asked: AskedWords,
    /// Weights of the streams.
    pub weights: StreamParts,
    /// Moments that were looked at.
    pub moments: usize,
    /// Pictures among them.
    pub pictures: u64,
    /// Scans with tracks.
    pub scans: u64,
    /// Texts of the log.
    pub texts: usize,
    /// What the reader of the result should know.
    pub notices: Vec<String>,
    /// The moments, the best first.
    pub hits: Vec<Hit>,
}

/// A word of the query.
#[derive(Clone, Debug, Serialize)]
pub struct SaidWord {
    /// As it was said.
    pub words: String,
    /// What it means; none for words that are only looked for in texts.
    pub sense: Option<&'static str>,
    /// The stream that it asks.
    pub stream: &'static str,
}

/// Which gate shared a query out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateUsed {
    /// `words` for the one that is built in, else the endpoint and its model.
    pub by: String,
    /// Why the endpoint that was asked for did not answer, and the built-in one did.
    pub failure: Option<String>,
}

/// Words of each stream, empty where it was asked nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AskedWords {
    /// Whom to look for.
    pub grounding: String,
    /// How the scene is to look.
    pub global: String,
    /// What the log is to tell of.
    pub context: String,
}

/// A value of each stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StreamParts {
    /// Road users that are there.
    pub grounding: f32,
    /// The scene as a whole.
    pub global: f32,
    /// The log's text.
    pub context: f32,
}

impl From<[String; STREAMS]> for AskedWords {
    fn from([grounding, global, context]: [String; STREAMS]) -> Self {
        Self {
            grounding,
            global,
            context,
        }
    }
}

impl From<[f32; STREAMS]> for StreamParts {
    fn from([grounding, global, context]: [f32; STREAMS]) -> Self {
        Self {
            grounding,
            global,
            context,
        }
    }
}

/// A moment that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    /// Its time, ns on the vehicle clock.
    pub at_ns: u64,
    /// The same from the beginning of the recording, `MM:SS`.
    pub anchor: String,
    /// The sum of the streams' parts; 0 for ways that do not score.
    pub score: f32,
    /// Each stream's part of the score.
    pub parts: StreamParts,
    /// What each stream saw before weights and scaling.
    pub raw: StreamParts,
    /// Why, in words.
    pub why: Vec<String>,
    /// Its pictures.
    pub pictures: Vec<Shot>,
}

/// What a search has to go by.
pub(super) struct Searched<'a> {
    pub(super) query: &'a Query,
    pub(super) gate: GateUsed,
    pub(super) log: &'a Path,
    pub(super) drive: &'a Drive,
    pub(super) read: &'a Read,
}

/// What is found, and the streams that it was found by.
pub(super) fn found<'a>(
    searched: Searched<'_>,
    readings: &'a Readings,
    options: &FindOptions,
    gap_ns: u64,
) -> (Found, &'a Streams) {
    let Searched {
        query,
        gate,
        log,
        drive,
        read,
    } = searched;
    let choice = choose(
        drive,
        readings,
        options.way,
        [true; STREAMS],
        [options.count as u64, gap_ns],
    );
    let watch = &drive.watches[choice.reading.watch];
    let streams = &choice.reading.streams;
    let hit = |moment: &usize| {
        let at = |values: &[Vec<f32>; STREAMS]| {
            StreamParts::from(std::array::from_fn(|i| values[i][*moment]))
        };
        let key = streams.keys[*moment];
        Hit {
            at_ns: streams.times_ns[*moment],
            anchor: anchor(since_begin_ns(&streams.times_ns, *moment)),
            score: choice.fused.total[*moment],
            parts: at(&choice.fused.parts),
            raw: at(&streams.raw),
            why: why(drive, watch, streams, *moment),
            pictures: drive
                .moments
                .get(&key)
                .map(|m| m.shots.clone())
                .unwrap_or_default(),
        }
    };
    let model = options
        .model
        .as_ref()
        .map(|(folder, _)| folder.display().to_string());
    let has_gate = matches!(options.way, Way::Gated | Way::Split);
    let notices = notices(query, &choice, watch, &gate, read, options);
    let found = Found {
        query: query.text.clone(),
        said: said(query),
        log: log.display().to_string(),
        way: options.way,
        model,
        detector: options
            .detector
            .as_ref()
            .map(|(folder, _)| folder.display().to_string()),
        engine: drive.engine().map(str::to_owned),
        caption: watch
            .wanted
            .as_ref()
            .and_then(|w| w.caption())
            .map(str::to_owned),
        gate: has_gate.then_some(gate),
        asked: watch.gating.words.clone().into(),
        weights: choice.weights.into(),
        moments: streams.times_ns.len(),
        pictures: read.pictures,
        scans: read.scans,
        texts: drive.texts.len(),
        notices,
        hits: choice.chosen.iter().map(hit).collect(),
    };
    (found, streams)
}

fn said(query: &Query) -> Vec<SaidWord> {
    let word = |said: &drafthorse_keyframes::query::Said| SaidWord {
        words: said.words.clone(),
        sense: said.sense.map(Sense::name),
        stream: STREAM_NAMES[(0..STREAMS).find(|i| said.asks(*i)).unwrap_or(STREAMS - 1)],
    };
    query.said.iter().map(word).collect()
}

/// Time of a moment since its recording began.
fn since_begin_ns(times_ns: &[u64], moment: usize) -> u64 {
    let mut begin = moment;
    while begin > 0 && times_ns[begin].saturating_sub(times_ns[begin - 1]) < ANOTHER_DAY_NS {
        begin -= 1;
    }
    times_ns[moment].saturating_sub(times_ns[begin])
}

/// What speaks for a moment.
fn why(drive: &Drive, watch: &Watch, streams: &Streams, moment: usize) -> Vec<String> {
    let mut why = Vec::new();
    if let Some(user) = streams.users[moment] {
        why.push(format!("tracked: {}", place(user)));
    }
    let seen = watch.seen.get(&streams.keys[moment]);
    let spotted = seen.and_then(|seen| seen.spotted);
    if let (Some((score, class)), Some(spotter)) = (spotted, drive.spotter()) {
        let name = spotter.name_of(class);
        why.push(format!("detector: {name} with {:.0} %", 100.0 * score));
    }
    if let (Some(wanted), Some(seen)) = (&watch.wanted, seen) {
        if seen.patches > 0.0 {
            let names: Vec<&str> = watch.users.iter().flat_map(Query::names).collect();
            why.push(format!(
                "patches: {} with {:.0} %",
                names.join(", "),
                100.0 * seen.patches
            ));
        }
        if let Some(caption) = wanted.caption() {
            why.push(format!("picture: fits {caption:?} by {:.2}", seen.whole));
        }
    } else if streams.raw[1][moment] > 0.0 {
        let words = watch.scene.iter().flat_map(|scene| &scene.said);
        let words = words.filter(|said| said.asks(1));
        let words: Vec<&str> = words.map(|said| said.words.as_str()).collect();
        why.push(format!(
            "scene: {} by brightness and traffic, {:.2}",
            words.join(", "),
            streams.raw[1][moment]
        ));
    }
    if let Some(text) = streams.texts[moment].and_then(|index| drive.texts.get(index)) {
        why.push(format!("{}: {:?}", text.topic, text.text));
    }
    why
}

fn place(user: SeenUser) -> String {
    let side = match user.y_m {
        y if y > 0.5 => format!(", {y:.0} m left"),
        y if y < -0.5 => format!(", {:.0} m right", -y),
        _ => String::new(),
    };
    format!("{} {:.0} m ahead{side}", user.class.name(), user.x_m)
}

/// What a person should know who reads the result.
fn notices(
    query: &Query,
    choice: &Choice<'_>,
    watch: &Watch,
    gate: &GateUsed,
    read: &Read,
    options: &FindOptions,
) -> Vec<String> {
    let mut notices = Vec::new();
    let has_gate = matches!(options.way, Way::Gated | Way::Split);
    if let Some(failure) = gate.failure.as_ref().filter(|_| has_gate) {
        notices.push(format!(
            "{failure}; the gate of words that is built in was used instead"
        ));
    }
    if choice.fell_back {
        notices.push(
            "the streams that the gate asks see nothing: each was given the whole query".to_owned(),
        );
    }
    let asks_scene = query.senses().any(|sense| sense.stream() == 1);
    if options.model.is_none() && (asks_scene || query.asks_for_somebody()) {
        notices.push(
            "without --model road users are found by the tracks' classes alone, and of the scene only night, day and how much traffic there is".to_owned(),
        );
    }
    if read.scans == 0 && query.asks_for_somebody() {
        notices.push("the log holds no tracks: nobody is found by radar".to_owned());
    }
    let unknown = watch
        .wanted
        .as_ref()
        .map(|wanted| wanted.unknown.join(", "));
    if let Some(unknown) = unknown.filter(|unknown| !unknown.is_empty()) {
        notices.push(format!(
            "the model does not know these words, they were left out for it: {unknown}"
        ));
    }
    let [grounding, global, context] = choice.reading.streams.sees();
    let asked = |stream: usize| query.said.iter().any(|said| said.asks(stream));
    let words = |stream: usize| {
        let said = query.said.iter().filter(|said| said.asks(stream));
        let words: Vec<&str> = said.map(|said| said.words.as_str()).collect();
        words.join(", ")
    };
    for (sees, stream, what) in [
        (grounding, 0, "no such road user was found anywhere"),
        (
            global,
            1,
            "nothing of the scene that is asked for could be told",
        ),
        (context, 2, "no text of the log tells of it"),
    ] {
        if !sees && asked(stream) {
            let (name, words) = (STREAM_NAMES[stream], words(stream));
            notices.push(format!("{name}: {what}: {words}"));
        }
    }
    let best = |stream: usize| {
        let raw = choice.reading.streams.raw[stream].iter().copied();
        raw.fold(0.0, f32::max)
    };
    let asked_of_model = asked(1) && options.model.is_some();
    let weak = [
        asked(0).then(|| weak(0, best(0), &words(0))),
        asked_of_model.then(|| weak(1, best(1), &words(1))),
    ];
    notices.extend(weak.into_iter().flatten().flatten());
    if read.unreadable > 0 {
        notices.push(format!(
            "{} messages could not be decoded and were left out",
            read.unreadable
        ));
    }
    notices.extend(read.damage.iter().map(|damage| format!("damage: {damage}")));
    notices
}

/// What to say of a stream that sees something, and nothing well.
fn weak(stream: usize, best: f32, words: &str) -> Option<String> {
    let (least, what) = match stream {
        0 => (WEAK_USER, "nobody"),
        _ => (WEAK_SCENE, "nothing"),
    };
    (best > 0.0 && best < least).then(|| {
        format!(
            "{}: {what} fits {words} well (at best {best:.2}): these are the likeliest moments, and it may not be there at all",
            STREAM_NAMES[stream]
        )
    })
}

impl Found {
    /// As lines for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{} moments, {} pictures, {} scans, {} texts; weights {} {:.2}, {} {:.2}, {} {:.2}\n",
            self.moments,
            self.pictures,
            self.scans,
            self.texts,
            STREAM_NAMES[0],
            self.weights.grounding,
            STREAM_NAMES[1],
            self.weights.global,
            STREAM_NAMES[2],
            self.weights.context,
        );
        let _ = writeln!(
            text,
            "  {:>2}  {:>8}  {:>9}  {:>9}  {:>9}  {:>9}  time, ns",
            "", "at", "score", STREAM_NAMES[0], STREAM_NAMES[1], STREAM_NAMES[2]
        );
        for (rank, hit) in (1..).zip(&self.hits) {
            let _ = writeln!(
                text,
                "  {rank:>2}  {:>8}  {:>9.5}  {:>9.5}  {:>9.5}  {:>9.5}  {}",
                hit.anchor,
                hit.score,
                hit.parts.grounding,
                hit.parts.global,
                hit.parts.context,
                hit.at_ns
            );
            for why in &hit.why {
                let _ = writeln!(text, "{:>16}{why}", "");
            }
        }
        if self.hits.is_empty() {
            text.push_str("  nothing was found\n");
        }
        for notice in &self.notices {
            let _ = writeln!(text, "\nnote: {notice}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::weak;

    #[test]
    fn what_fits_badly_is_told_and_what_fits_or_is_not_seen_is_not() {
        let nobody = weak(0, 0.25, "cyclist");
        assert!(
            nobody.is_some_and(|told| told.contains("nobody fits cyclist well (at best 0.25)"))
        );
        let nothing = weak(1, 0.53, "at night");
        assert!(nothing.is_some_and(|told| told.starts_with("global: nothing fits at night")));
        for (stream, best) in [(0, 0.0), (0, 1.14), (1, 0.0), (1, 0.67)] {
            assert_eq!(weak(stream, best, "what is there"), None);
        }
    }
}

//! How good tracks are: HOTA, identity switches, recall and precision against the truth.
//!
//! Luiten, Osep, Dendorfer, Torr, Geiger, Leal-Taixe, Leibe: "HOTA: A Higher Order Metric for
//! Evaluating Multi-Object Tracking", IJCV 2021. Counts in the manner of CLEAR MOT (Bernardin,
//! Stiefelhagen 2008) are given beside it at one similarity threshold. Offline: allocates freely.

mod clear;
mod hota;
mod similarity;

pub use similarity::Similarity;

use drafthorse_core::{Track, TruthObject};

/// One object of the truth or of the tracks at one instant, in any frame common to both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Labelled {
    /// Identity within its sequence.
    pub id: u32,
    /// Centre, m.
    pub x_m: f64,
    /// Centre, m.
    pub y_m: f64,
    /// Heading, rad.
    pub yaw_rad: f64,
    /// Along the heading, m.
    pub length_m: f64,
    /// Across the heading, m.
    pub width_m: f64,
    /// Only of truth: neither its absence nor a track on it counts.
    pub ignored: bool,
}

impl From<&Track> for Labelled {
    fn from(t: &Track) -> Self {
        Self {
            id: t.id,
            x_m: t.x_m,
            y_m: t.y_m,
            yaw_rad: t.yaw_rad,
            length_m: t.length_m,
            width_m: t.width_m,
            ignored: false,
        }
    }
}

impl From<&TruthObject> for Labelled {
    fn from(t: &TruthObject) -> Self {
        Self {
            id: t.id,
            x_m: t.x_m,
            y_m: t.y_m,
            yaw_rad: t.yaw_rad,
            length_m: t.length_m,
            width_m: t.width_m,
            ignored: false,
        }
    }
}

/// Truth and tracks of one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instant {
    /// What is there.
    pub truth: Vec<Labelled>,
    /// What was tracked.
    pub tracks: Vec<Labelled>,
}

/// Scores of one or several sequences. Shares are 0 to 1, and 0 where nothing could be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Higher-order tracking accuracy: mean over 19 similarity thresholds of the geometric mean of
    /// detection and association accuracy.
    pub hota: f64,
    /// Detection accuracy, mean over the thresholds.
    pub det_a: f64,
    /// Association accuracy, mean over the thresholds.
    pub ass_a: f64,
    /// Localisation accuracy: mean similarity of the matches, mean over the thresholds.
    pub loc_a: f64,
    /// Matched truth over all truth at a similarity of 0.5.
    pub recall: f64,
    /// Matched tracks over all tracks at a similarity of 0.5.
    pub precision: f64,
    /// 1 - (misses + false tracks + identity switches) / truth, at a similarity of 0.5.
    pub mota: f64,
    /// Times a true object's track changed its id, at a similarity of 0.5.
    pub id_switches: u64,
    /// Times a true object was lost and found again, at a similarity of 0.5.
    pub fragmentations: u64,
    /// True objects over all instants, without ignored ones.
    pub truths: u64,
    /// Track boxes over all instants, without those on ignored objects.
    pub tracks: u64,
}

/// Collects sequences and scores them together; identities of different sequences never match.
#[derive(Clone, Debug)]
pub struct Evaluation {
    hota: hota::Hota,
    clear: clear::Clear,
    similarity: Similarity,
}

impl Evaluation {
    /// An evaluation without sequences.
    #[must_use]
    pub fn new(similarity: Similarity) -> Self {
        Self {
            hota: hota::Hota::default(),
            clear: clear::Clear::default(),
            similarity,
        }
    }

    /// Adds one sequence of instants in order.
    pub fn add_sequence(&mut self, instants: &[Instant]) {
        let prepared: Vec<Prepared> = instants
            .iter()
            .map(|i| Prepared::new(i, self.similarity))
            .collect();
        self.hota.add(&prepared);
        self.clear.add(&prepared);
    }

    /// Scores of all sequences so far.
    #[must_use]
    pub fn scores(&self) -> Scores {
        let mut scores = Scores::default();
        self.hota.fill(&mut scores);
        self.clear.fill(&mut scores);
        scores
    }
}

/// Scores of one sequence.
#[must_use]
pub fn evaluate(instants: &[Instant], similarity: Similarity) -> Scores {
    let mut evaluation = Evaluation::new(similarity);
    evaluation.add_sequence(instants);
    evaluation.scores()
}

/// One instant without ignored objects and the tracks on them.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) truth: Vec<u32>,
    pub(crate) tracks: Vec<u32>,
    /// `truth.len() * tracks.len()` similarities, row-major by truth.
    pub(crate) similarity: Vec<f64>,
}

impl Prepared {
    fn new(instant: &Instant, similarity: Similarity) -> Self {
        let (rows, columns) = (instant.truth.len(), instant.tracks.len());
        let mut all = Vec::with_capacity(rows * columns);
        for t in &instant.truth {
            all.extend(instant.tracks.iter().map(|k| similarity.of(t, k)));
        }
        // A track that fits an ignored object better than any other truth is ignored with it.
        let mut on_ignored = vec![false; columns];
        for (truth, track) in matches(&all, rows, columns, 0.5) {
            on_ignored[track] = instant.truth[truth].ignored;
        }
        let kept_truth: Vec<usize> = (0..rows).filter(|&r| !instant.truth[r].ignored).collect();
        let kept_tracks: Vec<usize> = (0..columns).filter(|&c| !on_ignored[c]).collect();
        let mut kept = Vec::with_capacity(kept_truth.len() * kept_tracks.len());
        for &r in &kept_truth {
            kept.extend(kept_tracks.iter().map(|&c| all[r * columns + c]));
        }
        Self {
            truth: kept_truth.iter().map(|&r| instant.truth[r].id).collect(),
            tracks: kept_tracks.iter().map(|&c| instant.tracks[c].id).collect(),
            similarity: kept,
        }
    }
}

/// The matching of greatest total value among pairs of at least `least`.
pub(crate) fn matches(
    value: &[f64],
    rows: usize,
    columns: usize,
    least: f64,
) -> Vec<(usize, usize)> {
    let wide = columns + rows;
    let mut cost = vec![0.0; rows * wide];
    for row in 0..rows {
        for column in 0..columns {
            let v = value[row * columns + column];
            cost[row * wide + column] = if v >= least && v > 0.0 { -v } else { 1.0 };
        }
    }
    let mut chosen = Vec::new();
    crate::assignment::Solver::default().solve(&cost, rows, wide, &mut chosen);
    let pairs = chosen.into_iter().enumerate();
    pairs
        .filter(|&(r, c)| c < columns && cost[r * wide + c] < 0.0)
        .collect()
}

//! The governor in a live run: reads the board and the lanes each second, turns the knobs that this run has, and says so
//! in the log.

use super::lanes::LaneHandle;
use super::lock;
use super::shared::Shared;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::Cause;
use crate::plan::{Mode, Plan};
use crate::summary::{GovernorSummary, TurnSummary};
use anyhow::{Context, Result};
use drafthorse_governor::{
    Board, BoardReading, Change, Governor, GovernorConfig, Knob, LaneLoad, Reading, Settings,
};
use drafthorse_record::messages::drafthorse as message;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Turns that the summary lists; the log has all.
const MOST_TURNS: usize = 1000;

/// Reads, decides and tells.
pub(crate) struct Governing(Mutex<Inner>);

struct Inner {
    board: Board,
    governor: Governor,
    power_limit_w: Option<f64>,
    /// The governor's own clock: the vehicle's may be set back.
    began: Instant,
    last_s: f64,
    /// Each lane's late and lost messages and its steps at the last reading.
    seen: Vec<[u64; 2]>,
    summary: GovernorSummary,
}

impl Governing {
    /// For a live run that is to have one; `offloads` says whether drafts go to a target.
    pub(super) fn new(
        config: &GovernorConfig,
        plan: &Plan,
        channels: &Channels,
        offloads: bool,
    ) -> Result<Option<Self>> {
        if !config.enabled || plan.mode == Mode::File {
            return Ok(None);
        }
        let there_is = |knob| there_is(knob, plan, channels, offloads);
        let governor = Governor::of(config.clone(), there_is);
        let governor = governor.context("the [governor] table cannot be used")?;
        let mut board = Board::new(&config.board_root).with_limit(config.zone_limit_c);
        if let Err(error) = board.fall_back_on(&config.tegrastats) {
            let (program, root) = (config.tegrastats.display(), config.board_root.display());
            tracing::info!(
                "sys in {root} does not tell all of temperatures and power, and {program} cannot be started ({error})"
            );
        }
        Ok(Some(Self(Mutex::new(Inner {
            board,
            governor,
            power_limit_w: config.power_limit_w,
            began: Instant::now(),
            last_s: 0.0,
            seen: Vec::new(),
            summary: GovernorSummary::default(),
        }))))
    }

    /// A second has passed.
    pub(super) fn tick(&self, shared: &Shared, at_ns: u64) {
        let inner = &mut *lock(&self.0);
        let (board, lanes) = (inner.board.read(), inner.lanes(&shared.lanes));
        let before = *inner.governor.rung();
        let change = inner.observe(&board, &lanes);
        let after = *inner.governor.rung();
        let turns = turns(&before.settings, &after.settings);
        if change.is_some() {
            shared.knobs.turn(after.settings);
        }
        inner.sum_up(&board, change, &turns, at_ns);
        let names = shared.lanes.iter().map(|lane| lane.name.clone());
        let told = message::Governor {
            at_ns,
            headroom_c: board.headroom_c,
            hottest_c: board.hottest_c,
            power_w: board.power_w,
            busy: board.busy,
            lanes: names
                .zip(&lanes)
                .map(|(lane, load)| message::LaneLoad {
                    lane,
                    late: load.late,
                    steps: load.steps,
                })
                .collect(),
            rung: inner.governor.number() as u32,
            lowest_rung: inner.governor.ladder().last() as u32,
            turns,
            reason: change.map_or("", |change| change.reason.name()).to_owned(),
        };
        let log = &shared.log;
        let mut batch = log.batch();
        log.append_message(&mut batch, Channel::GOVERNOR, Cause::at(at_ns), &told);
    }

    /// The rung that holds, 0 at full quality.
    pub(super) fn rung(&self) -> u32 {
        lock(&self.0).governor.number() as u32
    }

    /// What it did.
    pub(super) fn summary(&self) -> GovernorSummary {
        lock(&self.0).summary.clone()
    }
}

impl Inner {
    /// How the lanes did since the last reading.
    fn lanes(&mut self, lanes: &[LaneHandle]) -> Vec<LaneLoad> {
        self.seen.resize(lanes.len(), [0; 2]);
        let load = |(lane, seen): (&LaneHandle, &mut [u64; 2])| {
            let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
            let now = [of(&lane.late) + of(&lane.dropped), of(&lane.steps)];
            let before = std::mem::replace(seen, now);
            LaneLoad {
                late: (now[0] - before[0]) as u32,
                steps: now[1].saturating_sub(before[1]) as u32,
            }
        };
        lanes.iter().zip(&mut self.seen).map(load).collect()
    }

    fn observe(&mut self, board: &BoardReading, lanes: &[LaneLoad]) -> Option<Change> {
        let power = board.power_w.zip(self.power_limit_w);
        let now = self.began.elapsed();
        self.governor.observe(&Reading {
            at_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            busy: board.busy,
            headroom_c: board.headroom_c,
            power: power.map(|(watts, limit)| watts / limit),
            lanes: lanes.to_vec(),
        })
    }

    fn sum_up(
        &mut self,
        board: &BoardReading,
        change: Option<Change>,
        turns: &[message::KnobTurn],
        at_ns: u64,
    ) {
        let summary = &mut self.summary;
        let now_s = self.began.elapsed().as_secs_f64();
        // The rung that held until now.
        if change.map_or(self.governor.number(), |change| change.from) > 0 {
            summary.below_full_s += now_s - self.last_s;
        }
        self.last_s = now_s;
        let hottest_c = [summary.hottest_c, board.hottest_c];
        summary.hottest_c = hottest_c.into_iter().flatten().reduce(f64::max);
        let Some(change) = change else { return };
        let reason = change.reason.name();
        summary.changes += 1;
        *summary.changes_by_reason.entry(reason).or_default() += 1;
        summary.lowest_rung = summary.lowest_rung.max(change.to);
        let room = MOST_TURNS - summary.turns.len();
        let listed = turns.iter().map(|turn| TurnSummary {
            at_ns,
            knob: turn.knob.clone(),
            from: turn.from,
            to: turn.to,
            reason,
        });
        summary.turns.extend(listed.take(room));
    }
}

/// Whether a run has what a knob is for.
fn there_is(knob: Knob, plan: &Plan, channels: &Channels, offloads: bool) -> bool {
    let vision = plan.vision.as_ref();
    match knob {
        Knob::TokenKeep => vision.is_some_and(|vision| vision.keep < 1.0),
        Knob::DraftLength | Knob::DescribedKeyframes => vision.is_some(),
        Knob::OffloadThreshold => offloads,
        Knob::Detector => {
            let mut networks = channels.networks().iter();
            networks.any(|network| network.check.is_some())
        }
        Knob::CameraRate => plan.sensors.iter().any(|sensor| sensor.format.is_camera()),
    }
}

/// The knobs that two settings differ in.
fn turns(from: &Settings, to: &Settings) -> Vec<message::KnobTurn> {
    let turned = Knob::ALL.into_iter();
    let turned = turned.map(|knob| message::KnobTurn {
        knob: knob.name().to_owned(),
        from: from.get(knob),
        to: to.get(knob),
    });
    turned.filter(|turn| turn.from != turn.to).collect()
}

//! The threads of a run, from their start to what they leave behind.

use super::blocks::Left;
use super::describe::{Descriptions, Making};
use super::lane::{LaneLogic, LaneOutcome, LaneThread};
use super::lanes::LaneHandle;
use super::shared::Shared;
use super::{file, live, setup};
use crate::commands::Failed;
use crate::describe::View;
use crate::feed::Feed;
use crate::guard;
use crate::pipeline::queue::Taken;
use crate::pipeline::staged::Cause;
use crate::plan::Mode;
use crate::summary::Latencies;
use anyhow::{Result, bail};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Starts all threads and waits for them.
pub(super) fn drive(
    shared: &Shared,
    logics: Vec<Box<dyn LaneLogic>>,
    describing: Option<(Making, Receiver<Vec<View>>)>,
    feeds: Vec<Feed>,
    progress: &setup::Progress,
) -> Result<Outcomes> {
    std::thread::scope(|scope| {
        let close = || shared.lanes.iter().for_each(|lane| lane.queue.close());
        let started: std::io::Result<Vec<_>> = shared
            .lanes
            .iter()
            .zip(logics)
            .map(|(handle, logic)| {
                std::thread::Builder::new()
                    .name(handle.name.clone())
                    .spawn_scoped(scope, move || run_lane(shared, handle, logic))
            })
            .collect();
        let describer = describing.map(|(making, views)| {
            std::thread::Builder::new()
                .name("vision".to_owned())
                .spawn_scoped(scope, move || run_describer(shared, making, &views))
        });
        let close_descriptions = || shared.descriptions.iter().for_each(Descriptions::close);
        let (Ok(threads), Ok(describer)) = (started, describer.transpose()) else {
            close();
            close_descriptions();
            bail!("a thread could not be started; the system has no room for more threads");
        };
        let fed = guard::catch(|| match shared.plan.mode {
            Mode::File => file::feed_all(shared, feeds, progress),
            Mode::Live => live::feed_all(shared, feeds, progress),
        });
        // Whatever came of it: the lanes wait until their queues are closed.
        close();
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        // A lane that breaks off is caught inside its thread.
        let lanes = ended.filter_map(|ended| ended.ok().flatten()).collect();
        if let Some(keyframes) = &shared.keyframes {
            let staged = keyframes.finish(shared.ingress.last_received_ns());
            if let Some(descriptions) = &shared.descriptions {
                descriptions.follow(&staged);
            }
        }
        close_descriptions();
        shared.tell_left_out(shared.ingress.last_received_ns());
        let described = describer.and_then(|thread| thread.join().ok());
        shared.ingress.finish();
        if let Err(why) = fed {
            return Err(Failed(format!(
                "the run broke off ({why}), which is a fault of this program; the log up to there is whole"
            ))
            .into());
        }
        let (describing, blocks) = described.unwrap_or_default();
        Ok(Outcomes {
            lanes,
            describing,
            blocks,
        })
    })
}

/// What the threads of a run leave behind.
pub(super) struct Outcomes {
    pub(super) lanes: Vec<LaneOutcome>,
    /// How long descriptions took.
    pub(super) describing: Latencies,
    /// What is left of drafted blocks.
    pub(super) blocks: Option<Left>,
}

/// Describes keyframes until there are no more. A fault of the program in it ends the descriptions alone.
fn run_describer(
    shared: &Shared,
    making: Making,
    views: &Receiver<Vec<View>>,
) -> (Latencies, Option<Left>) {
    let Some(descriptions) = &shared.descriptions else {
        return Default::default();
    };
    let make = || descriptions.make(making, views, &shared.log, &shared.ingress);
    guard::catch(make).unwrap_or_else(|why| {
        descriptions.close();
        shared.note_part_failure(
            "the description of keyframes",
            &format!("broke off ({why})"),
        );
        Default::default()
    })
}

/// A lane from its first message to its last; none where it broke off.
fn run_lane(
    shared: &Shared,
    handle: &LaneHandle,
    logic: Box<dyn LaneLogic>,
) -> Option<LaneOutcome> {
    let lane = || LaneThread::new(shared, handle, logic).run();
    match guard::catch(lane) {
        Ok(outcome) => Some(outcome),
        Err(why) => {
            shared.note_lane_failure(handle, &why);
            let mut held = None;
            while handle.queue.take(&mut held, Duration::ZERO) == Taken::Item {
                if let Some(slot) = &held {
                    let raw = &slot.item.raw;
                    shared.count_drop(handle, raw.sensor, Cause::from(raw));
                }
            }
            None
        }
    }
}

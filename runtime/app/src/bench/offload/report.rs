//! Figures, tables and the plot.

use super::cells::{Cell, Way};
use super::curve::{Curve, Point, routed, routings};
use super::drive::{Block, Drive, FRAMES, Frame};
use super::facts::Told;
use crate::bench::Figure;
use crate::bench::bootstrap::interval;
use crate::bench::plot::{Axis, Plot};
use anyhow::Result;
use drafthorse_draft::RouterConfig;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// Blocks that a vehicle of a load has a second, each of one frame.
const BLOCKS_PER_SECOND: f64 = 2.0;
/// The cell whose target a server of these vehicles has.
const SERVED: [u64; 2] = [10, 20];

pub(super) struct Report<'a> {
    drive: &'a Drive,
    curve: Curve,
    cells: Vec<Cell>,
}

impl<'a> Report<'a> {
    pub(super) fn new(drive: &'a Drive, curve: Curve, cells: Vec<Cell>) -> Self {
        Self {
            drive,
            curve,
            cells,
        }
    }

    fn blocks(&self) -> &[Block] {
        &self.drive.blocks
    }

    fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.blocks().iter().flat_map(|block| &block.frames)
    }

    /// Share of the frames that a run, whose blocks have one frame each, would send.
    fn frames_rejected(&self) -> f64 {
        let drafthorse_draft::Threshold::Fixed { tau } = self.drive.router.threshold else {
            return f64::NAN;
        };
        let rejected = self.frames().filter(|frame| frame.score < tau).count();
        rejected as f64 / self.frames().count() as f64
    }

    /// Vehicles whose blocks one worker of a server has time for, one by one: ours, and the target alone.
    fn vehicles(&self) -> Option<[f64; 2]> {
        let of = |cell: &&Cell| [cell.round_trip_ms, cell.pace_ms] == SERVED;
        let cell = self.cells.iter().find(of)?;
        let vehicles = |share: f64, ms: f64| 1e3 / (BLOCKS_PER_SECOND * share * ms);
        Some([
            vehicles(self.frames_rejected(), cell.server_ms),
            vehicles(1.0, cell.server_alone_ms),
        ])
    }

    pub(super) fn figures(&self) -> Vec<Figure> {
        let routed = routed(self.blocks());
        let mut figures = vec![
            Figure::alone("offload.bytes_saved", routed.bytes_saved, "of 1"),
            Figure::alone(
                "offload.bytes_saved_recorded",
                routed.bytes_saved_recorded,
                "of 1",
            ),
            Figure {
                beside: [("frames".to_owned(), 1.0 - self.frames_rejected())].into(),
                ..Figure::alone("offload.accepted_share", routed.accepted, "of 1")
            },
            Figure {
                beside: self.quality_interval().into(),
                ..Figure::alone("offload.quality_kept", routed.quality_kept, "of 1")
            },
        ];
        let stay = self.blocks().iter().filter(|block| block.stays()).count();
        for (name, point) in routings(self.blocks(), stay) {
            let name = format!("offload.routing.{name}");
            figures.push(Figure::alone(&name, point.quality_kept, "of 1"));
        }
        let worst = self.cells.iter().map(|cell| cell.of_bound);
        if let Some(worst) = worst.min_by(f64::total_cmp) {
            let name = "offload.rejected_block_of_bound";
            figures.push(Figure::alone(name, worst, "of 1"));
            let median = |of: fn(&Cell) -> f64| {
                let mut all: Vec<f64> = self.cells.iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            figures.push(Figure::beside(
                "offload.rejected_block_speedup",
                median(|cell| cell.speedup),
                "x",
                "bound",
                median(|cell| cell.bound_speedup),
            ));
        }
        if let Some([ours, alone]) = self.vehicles() {
            let name = "offload.vehicles_per_server";
            figures.push(Figure::beside(
                name,
                ours,
                "vehicles",
                "target_alone",
                alone,
            ));
        }
        for cell in &self.cells {
            let name = |what: &str| {
                let (round_trip, pace) = (cell.round_trip_ms, cell.pace_ms);
                format!("offload.{what}.rtt{round_trip}.pace{pace}")
            };
            figures.push(Figure::alone(&name("of_bound"), cell.of_bound, "of 1"));
            figures.push(Figure {
                beside: ways(cell)
                    .map(|(name, way)| (name.to_owned(), way.ms))
                    .into(),
                ..Figure::alone(&name("verified"), cell.ours.ms, "ms")
            });
        }
        figures
    }

    /// The interval of the quality kept: blocks are drawn again, since frames of one fail together. A quotient's interval is
    /// that of its linear part, block by block.
    fn quality_interval(&self) -> [(String, f64); 2] {
        let ours = |block: &Block| {
            let frames = block.frames.iter();
            Told::sum(frames.map(|frame| match block.stays() {
                true => frame.drafted,
                false => frame.verified,
            }))
        };
        let alone = |block: &Block| Told::sum(block.frames.iter().map(|frame| frame.alone));
        let [all_ours, all_alone] = [
            Told::sum(self.blocks().iter().map(ours)),
            Told::sum(self.blocks().iter().map(alone)),
        ];
        let kept = all_ours.accuracy() / all_alone.accuracy();
        let count = self.blocks().len() as f64;
        // By how much a block lifts its whole, as a share of it.
        let lifts = |told: Told, all: Told| {
            let beyond = f64::from(told.right) - all.accuracy() * f64::from(told.told);
            beyond * count / f64::from(all.right.max(1))
        };
        let linear = self.blocks().iter().map(|block| {
            kept * (1.0 + lifts(ours(block), all_ours) - lifts(alone(block), all_alone))
        });
        let [low, high] = interval(&linear.collect::<Vec<_>>());
        [("low", low), ("high", high)].map(|(name, end)| (name.to_owned(), end))
    }

    pub(super) fn json(&self) -> Result<String> {
        let sum = |of: fn(&Frame) -> Told| Told::sum(self.frames().map(of));
        let told = |told: Told| json!({ "facts": told, "accuracy": told.accuracy(), "recall": told.recall() });
        let ms = |of: fn(&Frame) -> Duration| {
            let all: Duration = self.frames().map(of).sum();
            1e3 * all.as_secs_f64() / self.frames().count() as f64
        };
        let block = |block: &Block| {
            json!({
                "score": block.routed.score,
                "stays": block.stays(),
                "frames": block.frames.iter().map(|f| f.score).collect::<Vec<_>>(),
                "drafted": Told::sum(block.frames.iter().map(|f| f.drafted)),
                "verified": Told::sum(block.frames.iter().map(|f| f.verified)),
                "alone": Told::sum(block.frames.iter().map(|f| f.alone)),
                "words": block.frames.iter().map(|f| f.words).collect::<Vec<_>>(),
                "words_that_stand": block.frames.iter().map(|f| f.accepted).collect::<Vec<_>>(),
                "sent_bytes": block.sent_bytes,
                "received_bytes": block.received_bytes,
                "jpeg_bytes": block.frames.iter().map(|f| f.small.len()).sum::<usize>(),
                "recorded_bytes": block.frames.iter().map(|f| f.recorded.len()).sum::<usize>(),
            })
        };
        let RouterConfig {
            threshold,
            audit_share,
            ..
        } = self.drive.router;
        let value = json!({
            "router": { "threshold": threshold, "audit_share": audit_share },
            "frames_a_block": FRAMES,
            "drive": {
                "routed": routed(self.blocks()),
                "frames_rejected": self.frames_rejected(),
                "target_alone": told(sum(|f| f.alone)),
                "verified": told(sum(|f| f.verified)),
                "drafted": told(sum(|f| f.drafted)),
                "vehicle_ms": {
                    "look": ms(|f| f.spent.look),
                    "draft": ms(|f| f.spent.draft),
                    "code": ms(|f| f.spent.code),
                    "jpeg": ms(|f| f.spent.jpeg),
                },
            },
            "curve": self.curve.lines,
            "taus": self.curve.taus,
            "cells": self.cells,
            "vehicles_per_server": self.vehicles(),
            "blocks": self.blocks().iter().map(block).collect::<Vec<_>>(),
        });
        Ok(serde_json::to_string_pretty(&value)?)
    }

    /// Quality kept against blocks accepted.
    pub(super) fn plot(&self) -> String {
        let points = self.curve.lines.iter().flat_map(|line| {
            let at = |point: &Point| {
                (
                    line.name,
                    100.0 * point.accepted,
                    100.0 * point.quality_kept,
                )
            };
            line.points.iter().map(at)
        });
        let points: Vec<_> = points.collect();
        let least = points.iter().map(|point| point.2).fold(100.0, f64::min);
        let most = points.iter().map(|point| point.2).fold(100.0, f64::max);
        Plot {
            title: "quality kept, percent of the target's on whole pictures",
            x: Axis {
                label: "blocks accepted in the vehicle",
                ends: [0.0, 100.0],
                ticks: &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0],
                unit: " %",
            },
            y: Axis {
                label: "",
                ends: [(least - 0.5).floor(), (most + 0.5).ceil()],
                ticks: &[
                    90.0, 92.0, 94.0, 95.0, 96.0, 97.0, 98.0, 99.0, 100.0, 101.0, 102.0,
                ],
                unit: "",
            },
        }
        .draw(&points)
    }

    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        let routed = routed(self.blocks());
        let share = |share: f64| 100.0 * share;
        let _ = writeln!(
            text,
            "{} blocks of {FRAMES} frames: {:.0} % accepted (of single frames {:.0} %), quality kept {:.1} %, bytes saved {:.1} % ({:.2} % of those recorded)\n",
            self.blocks().len(),
            share(routed.accepted),
            share(1.0 - self.frames_rejected()),
            share(routed.quality_kept),
            share(routed.bytes_saved),
            share(routed.bytes_saved_recorded),
        );
        if self.cells.is_empty() {
            return text;
        }
        text += "Paced targets; ms from the picture to a verified description, and bytes, of rejected frames.\n\n";
        text += "| round trip | a run | word by word | JPEG | as recorded | pruned tokens | ours | rejected, of which | target alone | bound | of bound | sooner |\n";
        text += "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
        for cell in &self.cells {
            let _ = write!(text, "| {} | {} |", cell.round_trip_ms, cell.pace_ms);
            for (_, way) in ways(cell) {
                let _ = write!(text, " {:.0}, {:.0} B |", way.ms, way.bytes);
            }
            let _ = writeln!(
                text,
                " {:.0}, {:.0} B | {:.1} | {:.1} | {:.1} | {:.2} | {:.1} of {:.1} |",
                cell.ours.ms,
                cell.ours.bytes,
                cell.rejected_ms,
                cell.alone_ms,
                cell.bound_ms,
                cell.of_bound,
                cell.speedup,
                cell.bound_speedup,
            );
        }
        text
    }
}

/// The ways that ours is beside.
fn ways(cell: &Cell) -> [(&'static str, Way); 4] {
    [
        ("word_by_word", cell.word_by_word),
        ("jpeg", cell.jpeg),
        ("recorded", cell.recorded),
        ("pruned", cell.pruned),
    ]
}

//! Alignment at ingress: each raw message's header is folded in the order of the log.

use super::channels::Channel;
use super::faults::FaultLog;
use super::staged::{Cause, Staged};
use crate::plan::{Mode, Plan};
use anyhow::{Context, Result};
use drafthorse_core::RawMessage;
use drafthorse_record::messages::drafthorse as message;
use drafthorse_sensors::align::{AlignSensor, Aligner, Alignment, Header, Pairing};

/// Pairing and clock checks over all sensors.
pub struct AlignStage {
    aligner: Aligner,
    found: Alignment,
    /// Faults found so far.
    pub faults: FaultLog,
    /// Outcomes so far: paired, camera only, radar only.
    pub outcomes: [u64; 3],
}

impl AlignStage {
    /// The stage for a plan.
    pub fn new(plan: &Plan) -> Self {
        let sensors: Vec<_> = plan
            .sensors()
            .map(|(id, s)| AlignSensor {
                id,
                name: s.name.clone(),
                is_camera: s.format.is_camera(),
                stall_check: plan.mode == Mode::Live,
                // Offsets are applied at ingress: every stamp is on the vehicle clock already.
                offset_ns: 0,
            })
            .collect();
        Self {
            aligner: Aligner::new(&plan.clock, &sensors),
            found: Alignment::default(),
            faults: FaultLog::new(plan.sensor_names()),
            outcomes: [0; 3],
        }
    }

    /// Folds one raw message's header.
    pub fn observe(&mut self, raw: &RawMessage, out: &mut Staged) {
        self.aligner.observe(&Header::of(raw), &mut self.found);
        self.stage(Cause::from(raw), out);
    }

    /// Folds the passing of time.
    pub fn tick(&mut self, at_ns: u64, out: &mut Staged) {
        self.aligner.tick(at_ns, &mut self.found);
        self.stage(Cause::at(at_ns), out);
    }

    /// No more messages come: every message still open gets its outcome.
    pub fn finish(&mut self, at_ns: u64, out: &mut Staged) {
        self.aligner.finish(&mut self.found);
        self.stage(Cause::at(at_ns), out);
    }

    fn stage(&mut self, cause: Cause, out: &mut Staged) {
        for pairing in &self.found.pairings {
            let (index, message) = pairing_message(pairing);
            self.outcomes[index] += 1;
            out.push_message(Channel::PAIRS, cause, &message);
        }
        for found in &self.found.faults {
            self.faults.stage(found, cause, out);
        }
    }

    /// The stage's whole state.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(&self.aligner).context("the alignment's state cannot be written")
    }

    /// Goes on from a state that [`AlignStage::checkpoint`] wrote.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        self.aligner = postcard::from_bytes(bytes)
            .context("the alignment's state in the log cannot be read")?;
        Ok(())
    }
}

fn pairing_message(pairing: &Pairing) -> (usize, message::Pairing) {
    use message::pairing::Outcome;
    let mut m = message::Pairing::default();
    let index = match *pairing {
        Pairing::Paired {
            camera,
            camera_sequence,
            radar,
            radar_sequence,
            captured_ns,
            camera_minus_radar_ns,
        } => {
            m.set_outcome(Outcome::Paired);
            m.camera = camera.0.into();
            m.camera_sequence = camera_sequence;
            m.radar = radar.0.into();
            m.radar_sequence = radar_sequence;
            m.captured_ns = captured_ns;
            m.camera_minus_radar_ns = camera_minus_radar_ns;
            0
        }
        Pairing::CameraOnly {
            camera,
            camera_sequence,
            captured_ns,
        } => {
            m.set_outcome(Outcome::CameraOnly);
            m.camera = camera.0.into();
            m.camera_sequence = camera_sequence;
            m.captured_ns = captured_ns;
            1
        }
        Pairing::RadarOnly {
            radar,
            radar_sequence,
            captured_ns,
        } => {
            m.set_outcome(Outcome::RadarOnly);
            m.radar = radar.0.into();
            m.radar_sequence = radar_sequence;
            m.captured_ns = captured_ns;
            2
        }
    };
    (index, m)
}

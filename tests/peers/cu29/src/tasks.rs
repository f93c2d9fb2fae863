//! The ten tasks, written as a Copper user writes them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cu29::bincode::{Decode, Encode};
use cu29::prelude::*;
use serde::{Deserialize, Serialize};

/// How much one [`Step`] adds to the value, an arbitrary odd number.
pub(crate) const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the sink saw last, read by the driver between two iterations.
pub(crate) static LAST_VALUE: AtomicU64 = AtomicU64::new(0);

/// Source entry to sink exit of the last iteration, in nanoseconds.
pub(crate) static LAST_CHAIN_NS: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds since the first call, on the process's monotonic clock.
fn monotonic_ns() -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    u64::try_from(EPOCH.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The message that is passed along: 16 bytes, copied by each task.
#[derive(Clone, Copy, Debug, Default, Encode, Decode, Serialize, Deserialize, Reflect)]
#[bincode(crate = "cu29::bincode")]
pub(crate) struct Sample {
    /// The iteration's number plus what the steps have added.
    pub(crate) value: u64,
    /// When the source was entered, in nanoseconds of [`monotonic_ns`].
    pub(crate) entered_ns: u64,
}

/// Stamps and counts.
#[derive(Reflect)]
pub(crate) struct Source {
    count: u64,
}

impl Freezable for Source {}

impl CuSrcTask for Source {
    type Resources<'r> = ();
    type Output<'m> = output_msg!(Sample);

    fn new(_config: Option<&ComponentConfig>, _resources: ()) -> CuResult<Self> {
        Ok(Self { count: 0 })
    }

    fn process(&mut self, ctx: &CuContext, output: &mut Self::Output<'_>) -> CuResult<()> {
        let entered_ns = monotonic_ns();
        self.count = self.count.wrapping_add(1);
        output.tov = Tov::Time(ctx.now());
        output.set_payload(Sample {
            value: self.count,
            entered_ns,
        });
        Ok(())
    }
}

/// Adds a constant and passes the stamps on.
#[derive(Reflect)]
pub(crate) struct Step;

impl Freezable for Step {}

impl CuTask for Step {
    type Resources<'r> = ();
    type Input<'m> = input_msg!(Sample);
    type Output<'m> = output_msg!(Sample);

    fn new(_config: Option<&ComponentConfig>, _resources: ()) -> CuResult<Self> {
        Ok(Self)
    }

    fn process(
        &mut self,
        _ctx: &CuContext,
        input: &Self::Input<'_>,
        output: &mut Self::Output<'_>,
    ) -> CuResult<()> {
        if let Some(sample) = input.payload() {
            output.tov = input.tov;
            output.set_payload(Sample {
                value: sample.value.wrapping_add(STEP),
                entered_ns: sample.entered_ns,
            });
        }
        Ok(())
    }
}

/// Publishes the value and the age of the sample to the driver.
#[derive(Reflect)]
pub(crate) struct Sink;

impl Freezable for Sink {}

impl CuSinkTask for Sink {
    type Resources<'r> = ();
    type Input<'m> = input_msg!(Sample);

    fn new(_config: Option<&ComponentConfig>, _resources: ()) -> CuResult<Self> {
        Ok(Self)
    }

    fn process(&mut self, _ctx: &CuContext, input: &Self::Input<'_>) -> CuResult<()> {
        if let Some(sample) = input.payload() {
            LAST_VALUE.store(sample.value, Ordering::Relaxed);
            LAST_CHAIN_NS.store(
                monotonic_ns().saturating_sub(sample.entered_ns),
                Ordering::Relaxed,
            );
        }
        Ok(())
    }
}

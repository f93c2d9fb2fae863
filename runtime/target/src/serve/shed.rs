//! What is said to those that cannot be served now.

use std::time::Duration;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Trailer that says after how many milliseconds to try again, as gRPC's retry design (A6) has it.
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Nobody is sent away for longer: by then another server may be there, or this one have other bounds.
const LONGEST: Duration = Duration::from_secs(300);

/// `RESOURCE_EXHAUSTED`, with the time after which to try again.
pub(crate) fn shed(why: &str, after: Duration) -> Status {
    let ms = after.min(LONGEST).as_millis().max(1) as u64;
    let mut metadata = MetadataMap::new();
    metadata.insert(PUSHBACK, MetadataValue::from(ms));
    let what = format!("{why}; try again in {ms} ms");
    Status::with_metadata(Code::ResourceExhausted, what, metadata)
}

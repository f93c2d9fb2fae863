//! Arbitrary and mutated bytes: never a panic, never a message that was not recorded.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::sync::OnceLock;

use common::{check, config, record};
use drafthorse_record::fuzz::FUZZ_TARGETS;
use drafthorse_record::{Compression, LogReader};
use proptest::prelude::*;

fn logs() -> &'static [Vec<u8>] {
    static LOGS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    LOGS.get_or_init(|| {
        let log = |compression| {
            let dir = tempfile::tempdir().unwrap();
            let mut config = config(dir.path());
            config.chunk_bytes = 4 << 10;
            config.compression = compression;
            std::fs::read(record(config, 100, 2)).unwrap()
        };
        [Compression::None, Compression::Lz4, Compression::Zstd]
            .map(log)
            .to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for (_, target) in FUZZ_TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn plausible_records_never_panic(
        records in prop::collection::vec(
            (0u8..17, prop::collection::vec(prop_oneof![Just(0u8), 0u8..20, any::<u8>()], 0..90)),
            0..8,
        ),
        choice in 0u8..2,
    ) {
        let mut bytes = vec![choice];
        for (opcode, body) in records {
            bytes.push(opcode);
            bytes.extend((body.len() as u64).to_le_bytes());
            bytes.extend(body);
        }
        for (_, target) in FUZZ_TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn mutated_logs_give_only_what_was_recorded(
        which in 0usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        hole in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut bytes = logs()[which].clone();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        // Sometimes a few bytes vanish altogether.
        let at = hole.0.index(bytes.len());
        let end = (at + usize::from(hole.1 % 4)).min(bytes.len());
        bytes.drain(at..end);
        for (_, target) in FUZZ_TARGETS {
            target(&bytes);
        }
        // The header says whose log it is; only with it intact do the strict checks apply.
        let header = &logs()[which][..50];
        if bytes.starts_with(header) {
            let mut log = LogReader::from_bytes(bytes).unwrap();
            let mut next = 0;
            while let Some(message) = log.next().unwrap() {
                prop_assert_eq!(check(&message), next);
                next += 1;
            }
        }
    }
}

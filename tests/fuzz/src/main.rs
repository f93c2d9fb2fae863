//! One libFuzzer program for all fuzz targets of the rooms. `--list` prints their names and
//! `--target=NAME` chooses one; libFuzzer's own flags have one dash.

#![no_main]

use std::sync::OnceLock;

type Target = (&'static str, fn(&[u8]));

/// The targets of all rooms.
fn targets() -> impl Iterator<Item = Target> {
    let wire = drafthorse_wire::fuzz::TARGETS.iter();
    let record = drafthorse_record::fuzz::FUZZ_TARGETS.iter();
    let link = drafthorse_link::fuzz::TARGETS.iter();
    let onnx = drafthorse_onnx::fuzz::TARGETS.iter();
    let protocol = drafthorse_protocol::fuzz::TARGETS.iter();
    wire.chain(record).chain(link).chain(onnx).chain(protocol).copied()
}

/// The target that the command line names.
fn chosen() -> fn(&[u8]) {
    static CHOSEN: OnceLock<fn(&[u8])> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let wanted = std::env::args().find_map(|a| a.strip_prefix("--target=").map(str::to_owned));
        match targets().find(|(name, _)| Some(*name) == wanted.as_deref()) {
            Some((_, run)) => run,
            None => {
                eprintln!("no such fuzz target; name one of --list with --target=NAME");
                std::process::exit(2);
            }
        }
    })
}

libfuzzer_sys::fuzz_target!(
    init: {
        if std::env::args().any(|argument| argument == "--list") {
            targets().for_each(|(name, _)| println!("{name}"));
            std::process::exit(0);
        }
        chosen();
    },
    |bytes: &[u8]| chosen()(bytes)
);

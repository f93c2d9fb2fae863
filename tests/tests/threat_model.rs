//! Every line of the threat model names tests and commands that exist, or says that it is a gap.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of functions in the Rust sources below a folder.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after = text.split("fn ").skip(1);
            let name = |after: &str| {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                after[..end.unwrap_or(after.len())].to_owned()
            };
            found.extend(after.map(name));
        }
    }
}

#[test]
fn each_line_has_tests_that_exist_or_is_a_gap() {
    let mut known = BTreeSet::new();
    for room in [
        "runtime",
        "firmware/link",
        "firmware/sync",
        "xtask",
        "tests/tests",
        "boards",
    ] {
        functions(&root().join(room), &mut known);
    }
    let page = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| who |"));
    let mut lines = 0;
    for row in rows {
        lines += 1;
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let &[_, _, _, proof] = &cells[..] else {
            panic!("{} cells in: {row}", cells.len());
        };
        let (proof, gap) = match proof.find("gap: ") {
            Some(at) => proof.split_at(at),
            None => (proof, ""),
        };
        let names: Vec<_> = proof.split('`').skip(1).step_by(2).collect();
        assert!(
            !gap.is_empty() || !names.is_empty(),
            "neither test nor gap: {row}"
        );
        for name in names {
            let is_there = match name.split_once(' ') {
                Some(("cargo", "xtask fuzz")) => root().join("tests/fuzz").is_dir(),
                Some(_) => false,
                None if name.contains('/') => root().join(name).is_file(),
                None => known.contains(name),
            };
            assert!(is_there, "there is no {name}, which proves: {row}");
        }
    }
    assert!(lines > 25, "{lines}");
}

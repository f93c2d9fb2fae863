//! The model.toml that the docs show is one.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_engine::{Manifest, Precision};

#[test]
fn the_documented_manifest_is_read() {
    let docs = include_str!("../../../docs/models.md");
    let shown = docs.split("```toml\n").nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    // The docs cut hashes short.
    let whole = |line: &str| match line.starts_with("sha256") {
        true => format!("sha256 = \"{}\"\n", "0".repeat(64)),
        false => format!("{line}\n"),
    };
    let text: String = shown.lines().map(whole).collect();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("model.toml"), text).unwrap();
    let manifest = Manifest::read(dir.path()).unwrap();
    assert_eq!(manifest.files[1].precision, Precision::Int8U8s8);
    assert_eq!(manifest.inputs["image"].std, [0.229, 0.224, 0.225]);
    assert!((manifest.tolerance(Precision::Int8U8s8).min_cosine - 0.998).abs() < 1e-12);
    assert_eq!((manifest.all_files().len(), manifest.state.len()), (3, 1));
}

//! Shards survive the disk, and the same drive gives the same bytes.

use drafthorse_synth::shard::{ShardConfig, ShardError, load, play, save, statistics};
use drafthorse_synth::{DriveConfig, RadarKind, Town, Weather};

fn config() -> DriveConfig {
    DriveConfig {
        seed: 77,
        seconds: 2.0,
        town: Town::Harbour,
        weather: Weather::Rain,
        radar: RadarKind::Dense,
        ..DriveConfig::default()
    }
}

const SHARD: ShardConfig = ShardConfig { scans: 3, every: 4 };

#[test]
fn a_shard_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let mut shard = play(&config(), SHARD);
    save(&shard, &path).unwrap();
    let back = load(&path).unwrap();
    shard.metadata.sort();
    assert_eq!(back, shard);
    assert_eq!(back.meta("town"), Some("harbour"));
    assert_eq!(back.meta("scans"), Some("3"));
    // 40 scans: frames at scan 2, 6, 10, .. 38.
    assert_eq!(back.frames(), 10);
    let ages: Vec<f32> = back.points_of(0).map(|p| back.points[p][6]).collect();
    let oldest = ages.iter().fold(0.0_f32, |a, b| a.min(*b));
    assert!(ages[0] == 0.0 && (oldest + 0.1).abs() < 1e-6, "{oldest}");
}

#[test]
fn the_same_drive_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        save(&play(&config(), SHARD), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes("a"), bytes("b"));
}

#[test]
fn files_that_are_no_shards_are_refused_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.safetensors");
    assert!(matches!(load(&path), Err(ShardError::Io { .. })));
    let shard = play(&config(), SHARD);
    save(&shard, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for broken in [
        &bytes[..20],
        &bytes[..bytes.len() - 4],
        b"what is this".as_slice(),
    ] {
        std::fs::write(&path, broken).unwrap();
        let error = load(&path).unwrap_err();
        assert!(matches!(error, ShardError::Format { .. }));
        assert!(error.to_string().contains("no.safetensors"));
    }
    let mut torn = shard;
    torn.point_object.pop();
    save(&torn, &path).unwrap();
    assert!(
        load(&path)
            .unwrap_err()
            .to_string()
            .contains("point_object")
    );
}

#[test]
fn statistics_count_what_is_there() {
    let shard = play(&config(), SHARD);
    let s = statistics([&shard]);
    assert_eq!((s.drives, s.frames), (1, shard.frames()));
    let boxes: usize = s.classes.iter().map(|c| c.boxes).sum();
    assert_eq!(boxes, shard.boxes.len());
    let share: f64 = s.points.iter().map(|p| p.share).sum();
    assert!((share - 1.0).abs() < 1e-9, "{share}");
    let returns: i32 = shard.box_returns.iter().sum();
    let by_range: f64 = s
        .classes
        .iter()
        .flat_map(|c| c.boxes_by_range.iter().zip(&c.returns_by_range))
        .map(|(n, mean)| *n as f64 * mean)
        .sum();
    assert!((by_range - f64::from(returns)).abs() < 1e-6);
}

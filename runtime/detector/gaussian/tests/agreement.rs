//! The fast encoder and splat against the plain ones, on random weights and scans.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_gaussian::{Encoder, Feeder, POINT, Parts, Splatter, Stem, reference};
use drafthorse_samples::RadarEncoder;

/// An encoder of random weights over a square grid of cells of 0.4 m.
fn sample(channels: usize, cells: usize) -> RadarEncoder {
    RadarEncoder {
        channels,
        cells,
        cell_m: 0.4,
        neighbour_radius_m: 1.5,
    }
}

/// Largest difference over the largest element.
fn relative_error(fast: impl Iterator<Item = f32>, right: impl Iterator<Item = f64>) -> f64 {
    let (mut worst, mut largest) = (0.0f64, 0.0f64);
    for (fast, right) in fast.zip(right) {
        worst = worst.max((f64::from(fast) - right).abs());
        largest = largest.max(right.abs());
    }
    worst / largest.max(1e-30)
}

#[test]
fn the_encoder_is_the_plain_one() {
    for count in [1, 2, 40, 333] {
        for channels in [16, 20, 64] {
            let sample = sample(channels, 64);
            let mut encoder = Encoder::read(&sample.bytes()).unwrap();
            let points = sample.scan(count);
            let right = reference::head(&encoder, &points);
            let settings = encoder.settings().clone();
            let made = encoder.encode(&points);
            assert_eq!(made.mean_m.len(), right.len());
            let features = right.iter().flat_map(|row| row[11..].iter().copied());
            let error = relative_error(made.features.iter().copied(), features);
            assert!(
                error < 1e-5,
                "{count} points, {channels} channels: {error:e}"
            );
            let scales = right.iter().flat_map(|row| &row[3..6]);
            let scales = scales.map(|s| f64::from(settings.max_scale_m) / (1.0 + (-s).exp()));
            let fast = made.scale_m.iter().flatten().copied();
            assert!(relative_error(fast, scales) < 1e-5);
            for (fast, row) in made.quaternion.iter().zip(&right) {
                let length = row[6..10].iter().map(|q| q * q).sum::<f64>().sqrt();
                let right = row[6..10].iter().map(|q| q / length);
                assert!(relative_error(fast.iter().copied(), right) < 1e-4);
            }
        }
    }
}

#[test]
fn the_view_is_the_plain_one_and_clears_itself() {
    let sample = sample(16, 48);
    let mut encoder = Encoder::read(&sample.bytes()).unwrap();
    let settings = encoder.settings().clone();
    let mut splatter = Splatter::new(&settings);
    let mut view = vec![0.0; splatter.view_len()];
    for count in [120, 0, 1, 60, 300] {
        let points = sample.scan(count);
        let gaussians = encoder.encode(&points).clone();
        splatter.draw(&gaussians, &mut view);
        let right = reference::splat(&gaussians, &settings);
        // Where alpha is within rounding of its least, a cell more or less may be touched.
        let feature = gaussians
            .features
            .iter()
            .fold(0.0f32, |a, f| a.max(f.abs()));
        let step = f64::from(feature * settings.alpha_min) * 1.01;
        let mut off = 0;
        for (index, (&fast, right)) in view.iter().zip(&right).enumerate() {
            let error = (f64::from(fast) - right).abs();
            assert!(error <= step, "element {index}: {fast} and not {right}");
            off += usize::from(error > 1e-4 * f64::from(feature));
        }
        assert!(off * 1000 <= view.len(), "{off} of {} elements", view.len());
        let lit: Vec<u32> = splatter.lit().collect();
        assert!(lit.is_sorted() && (lit.is_empty() == (count == 0)));
    }
}

#[test]
fn the_stem_is_the_whole_convolution() {
    // Odd sides: the last row and column have no neighbour behind them.
    for cells in [48, 47] {
        let sample = sample(16, cells);
        let bytes = sample.bytes();
        let mut encoder = Encoder::read(&bytes).unwrap();
        let settings = encoder.settings().clone();
        let mut stem = Stem::read(&bytes, &settings).unwrap();
        let shape = stem.shape();
        let mut out = vec![0.0; shape.iter().product()];
        let (mut splatter, mut drawn) = (Splatter::new(&settings), Splatter::new(&settings));
        let mut view = vec![0.0; drawn.view_len()];
        for count in [200, 0, 3, 90] {
            let gaussians = encoder.encode(&sample.scan(count)).clone();
            stem.apply(&splatter.blend(&gaussians), &mut out);
            drawn.draw(&gaussians, &mut view);
            let right = reference::stem(&bytes, &settings, &view).unwrap();
            assert!(relative_error(out.iter().copied(), right.into_iter()) < 1e-5);
        }
    }
}

/// Gives fives twice, then fails.
struct Tired(u32);

impl Feeder for Tired {
    fn feed(&mut self, _: &[[f32; POINT]], input: &mut [f32]) -> Result<(), String> {
        input.fill(5.0);
        self.0 += 1;
        match self.0 {
            1 | 2 => Ok(()),
            _ => Err("tired".to_owned()),
        }
    }
}

#[test]
fn what_stands_before_the_network_knows_when_it_cannot_serve() {
    let sample = sample(16, 48);
    let head = br#"{"format": "drafthorse-radar-gaussian-1", "classes": [{"name": "car", "heatmap_channel": 0,
        "box_first_channel": 0, "nms_radius_m": 2.0, "score_run": 0.3}], "cell_m": 0.8, "x_min_m": 0.0,
        "y_min_m": -9.6, "score_min": 0.02, "candidates_per_class": 9, "keep_per_class": 9, "nms": "circle"}"#;
    let parts = || Parts::read(&sample.bytes(), head).unwrap();
    // Points of a radar without cross-sections are no empty scene.
    let mut bare = sample.scan(9);
    bare.iter_mut().for_each(|point| point[3] = f32::NAN);
    let why = parts().check_points(&bare).unwrap_err().to_string();
    assert!(
        why.contains("9 points") && why.contains("rcs_dbsm"),
        "{why}"
    );
    bare[4][3] = 1.0;
    assert!(parts().check_points(&bare).is_ok() && parts().check_points(&[]).is_ok());
    let (mut plain, mut fed) = (parts(), parts().with_feeder(Box::new(Tired(0))));
    let mut right = vec![0.0; plain.input_shape().iter().product()];
    let mut input = right.clone();
    for count in [40, 50, 60, 70] {
        plain.feed(&sample.scan(count), &mut right);
        fed.feed(&sample.scan(count), &mut input);
        assert_eq!(input == right, count >= 60);
        let why = fed.take_loss();
        assert_eq!(why.as_deref(), (count == 60).then_some("tired"));
    }
}

#[test]
fn points_that_are_outside_or_no_numbers_take_no_part() {
    let sample = sample(16, 48);
    let mut encoder = Encoder::read(&sample.bytes()).unwrap();
    let mut points = sample.scan(5);
    let before = encoder.encode(&points).clone();
    assert_eq!(before.point, [0, 1, 2, 3, 4]);
    let mut odd = points[0];
    odd[4] = f32::NAN;
    points.insert(0, odd);
    let mut far = points[1];
    far[0] = 1e6;
    points.push(far);
    let after = encoder.encode(&points);
    assert_eq!(after.point, [1, 2, 3, 4, 5]);
    assert_eq!(after.features, before.features);
}

#[test]
fn damaged_weights_are_refused_with_what_is_wrong() {
    let whole = sample(16, 48).bytes();
    for end in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        let said = Encoder::read(&whole[..end]).unwrap_err().to_string();
        assert!(said.contains("export the model again"), "{said}");
    }
    let text = String::from_utf8_lossy(&whole).into_owned();
    for (from, to, because) in [
        ("head.weight", "xead.weight", "head.weight"),
        ("gaussian-1", "gaussian-2", "gaussian-2"),
        ("rcs_dbsm", "rcs_dbxx", "rcs_dbxx"),
        ("x_m,y_m", "y_m,x_m", "does not begin"),
        (
            "\\\"width\\\": 48",
            "\\\"width\\\": 49",
            "does not fit its cells",
        ),
        (
            "\"max_scale_m\":\"1\"",
            "\"max_scale_m\":\"-\"",
            "max_scale_m",
        ),
    ] {
        let at = text
            .find(from)
            .unwrap_or_else(|| panic!("{from} in {}", &text[..900]));
        let mut other = whole.clone();
        other[at..at + to.len()].copy_from_slice(to.as_bytes());
        let said = Encoder::read(&other).unwrap_err().to_string();
        assert!(said.contains(because), "{said}");
    }
}

//! The radar lane and the Gaussian detector ask for no memory once they are warm.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

use drafthorse_engine::{DType, Dim, EngineError, Kept, Model, Port, View, ViewMut};
use drafthorse_gaussian::{GaussianDetector, Parts};
use drafthorse_samples::RadarEncoder;

#[global_allocator]
static ALLOCATOR: drafthorse::bench::CountingAllocator = drafthorse::bench::CountingAllocator;

#[test]
fn the_radar_lane_allocates_nothing_after_warm_up() {
    let before = drafthorse::bench::allocations();
    drop(std::hint::black_box(vec![1u8; 100]));
    assert_eq!(
        drafthorse::bench::allocations(),
        before + 1,
        "the counter counts"
    );
    let per_scan = drafthorse::run::radar_lane_allocations_per_scan().unwrap();
    assert!(per_scan == 0.0, "{per_scan} allocations a scan");
}

/// Stands in for the network: engines allocate as they please.
struct Still {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    shapes: [Vec<usize>; 3],
    elements: [Vec<f32>; 3],
}

impl Still {
    fn new(shapes: [[usize; 4]; 3]) -> Self {
        let port = |name: &str, shape: &[usize; 4]| Port {
            name: name.to_owned(),
            dtype: DType::F32,
            dims: shape.iter().map(|&length| Dim::Fixed(length)).collect(),
        };
        let zeros = |shape: &[usize; 4]| vec![0.0; shape.iter().product()];
        let mut elements = [zeros(&shapes[0]), zeros(&shapes[1]), zeros(&shapes[2])];
        // A logit above and below the least score in turn.
        let logits = elements[1].iter_mut().enumerate();
        logits.for_each(|(cell, logit)| *logit = if cell % 50 == 0 { 1.0 } else { -9.0 });
        Self {
            inputs: vec![port("stem", &shapes[0])],
            outputs: vec![port("heatmap", &shapes[1]), port("box", &shapes[2])],
            shapes: shapes.map(|shape| shape.to_vec()),
            elements,
        }
    }
}

impl Model for Still {
    fn inputs(&self) -> &[Port] {
        &self.inputs
    }
    fn outputs(&self) -> &[Port] {
        &self.outputs
    }
    fn resize(&mut self, _: usize, _: &[usize]) -> Result<(), EngineError> {
        Ok(())
    }
    fn input_mut(&mut self, _: usize) -> ViewMut<'_> {
        ViewMut::F32(&self.shapes[0], &mut self.elements[0])
    }
    fn run(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
    fn output(&self, output: usize) -> View<'_> {
        View::F32(&self.shapes[output + 1], &self.elements[output + 1])
    }
    fn keep(&mut self, _: Kept<'_>) -> Result<(), EngineError> {
        Ok(())
    }
    fn reset(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

#[test]
fn the_gaussian_detector_allocates_nothing_around_its_network() {
    let sample = RadarEncoder {
        channels: 32,
        cells: 128,
        cell_m: 0.4,
        neighbour_radius_m: 1.0,
    };
    let head = r#"{
        "format": "drafthorse-radar-gaussian-1",
        "classes": [{"name": "car", "heatmap_channel": 0, "box_first_channel": 0, "nms_radius_m": 2.0, "score_run": 0.3}],
        "cell_m": 0.8, "x_min_m": 0.0, "y_min_m": -25.6, "score_min": 0.02,
        "candidates_per_class": 150, "keep_per_class": 60, "nms": "circle"
    }"#;
    let parts = Parts::read(&sample.bytes(), head.as_bytes()).unwrap();
    let plane = |channels| [1, channels, 64, 64];
    let network = Still::new([parts.input_shape(), plane(1), plane(8)]);
    let mut detector = GaussianDetector::new(parts, network).unwrap();
    let scans: Vec<_> = (300..330).map(|count| sample.scan(count)).collect();
    for scan in scans.iter().rev() {
        assert!(!detector.detect(scan).unwrap().is_empty());
    }
    let before = drafthorse::bench::allocations();
    for scan in &scans {
        detector.detect(scan).unwrap();
    }
    assert_eq!(drafthorse::bench::allocations(), before);
}

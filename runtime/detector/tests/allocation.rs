//! After warm-up a scan allocates nothing.
#![allow(unsafe_code)] // A counting allocator must implement the unsafe `GlobalAlloc`.

mod common;

use common::{Car, Scene, mount};
use drafthorse_core::SensorId;
use drafthorse_detector::{Association, DetectorConfig, RadarPerception};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count() {
    COUNT.with(|c| c.set(c.get().map(|n| n + 1)));
}

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches only a
// thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn scans_allocate_nothing_after_warm_up() {
    for association in [Association::Assignment, Association::Nearest] {
        let cars = (0..12)
            .map(|k| Car {
                x: 15.0 + 8.0 * f64::from(k),
                y: f64::from(k % 3) * 3.5 - 3.5,
                vx: 14.0 + f64::from(k),
            })
            .collect();
        let scene = Scene {
            cars,
            ..Scene::default()
        };
        let scans: Vec<_> = (0..120).map(|k| scene.scan(k, 5)).collect();
        let mut config = DetectorConfig::default();
        config.tracking.association = association;
        let mut radar = RadarPerception::new(&config, &[(SensorId(0), mount())]).unwrap();
        for scan in &scans[..20] {
            radar.scan(scan, None);
        }
        COUNT.with(|c| c.set(Some(0)));
        for scan in &scans[20..] {
            radar.scan(scan, None);
        }
        let counted = COUNT.with(Cell::take);
        assert!(!radar.frame().tracks.is_empty());
        assert_eq!(counted, Some(0), "{association:?}");
        // The count itself works.
        COUNT.with(|c| c.set(Some(0)));
        drop(std::hint::black_box(vec![1_u8; 100]));
        assert_eq!(COUNT.with(Cell::take), Some(1));
    }
}

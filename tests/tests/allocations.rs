//! The radar lane asks for no memory once it is warm.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

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

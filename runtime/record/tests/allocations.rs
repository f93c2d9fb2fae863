//! Appending allocates nothing once buffers have been round once.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking
#![allow(unsafe_code)] // a global allocator cannot be written without

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{add_channels, config};
use drafthorse_record::Recorder;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged; counting touches no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

#[test]
fn appending_allocates_nothing_after_warm_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.chunk_bytes = 64 << 10;
    let recorder = Recorder::create(config).unwrap();
    let channels = add_channels(&recorder);
    let data = vec![42; 20_000];
    let append = |index: u64| {
        let mut batch = recorder.batch();
        let time = index * 1000;
        batch.append(channels[0], index as u32, time, time, &data);
        batch.append_with(channels[1], index as u32, time, time, |out| {
            out.extend_from_slice(&data[..300]);
        });
    };
    // Enough to fill every buffer that may ever wait for the disk, several times.
    for index in 0..1000 {
        append(index);
    }
    let warm = allocations();
    for index in 1000..4000 {
        append(index);
    }
    assert_eq!(allocations() - warm, 0);
    drop(std::hint::black_box(vec![0u8; 10]));
    assert_eq!(allocations() - warm, 1, "the counter must count");
    assert_eq!(recorder.finish().unwrap().messages, 8000);
}

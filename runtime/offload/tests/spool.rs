//! The spool on a real disk: what is stored is there again, what is over leaves in the declared order, and a disk
//! that is full says so.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // A test that cannot go on fails by panicking.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drafthorse_offload::Ruling;
use drafthorse_offload::spool::{Evicted, Kept, Spool, SpoolError, SpoolLimits, Waiting};
use drafthorse_protocol::{BlockId, FrameVerdict, Verdict};

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_790_000_000 * SECOND;

fn id(i: usize) -> BlockId {
    BlockId::new(format!("b{i}")).unwrap()
}

fn waiting(i: usize, worth: u8) -> Waiting {
    Waiting {
        block: id(i),
        deadline_ns: NOW + 5 * SECOND - i as u64,
        worth,
    }
}

fn payload(i: usize) -> Vec<u8> {
    (0..2000 + i).map(|k| (k * 31 + i) as u8).collect()
}

fn ruling(i: u16) -> Ruling {
    Ruling {
        verdict: Verdict {
            frames: vec![FrameVerdict {
                accepted: i,
                correction: vec![5],
                score: -0.25,
                ended: true,
            }],
        },
        confirms: false,
        texts: Vec::new(),
        drafted: Vec::new(),
    }
}

fn limits(blocks: u64) -> SpoolLimits {
    SpoolLimits {
        bytes: blocks * SpoolLimits::counted(2000),
        age: Duration::from_secs(3600),
    }
}

fn open(folder: &Path, blocks: u64) -> (Spool, Vec<Kept>) {
    Spool::open(folder, limits(blocks), NOW).unwrap()
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder.join("blocks")).unwrap().count()
}

#[test]
fn a_block_goes_its_way_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, kept) = open(folder.path(), 10);
    assert_eq!(kept, []);
    for i in 1..4 {
        spool.store(NOW, &waiting(i, 0), &payload(i)).unwrap();
    }
    assert!(matches!(
        Spool::open(folder.path(), limits(10), NOW),
        Err(SpoolError::InUse(_))
    ));
    spool.record(&id(2), &ruling(2)).unwrap();
    spool.told(&id(3)).unwrap();
    assert!(matches!(
        spool.record(&id(2), &ruling(9)),
        Err(SpoolError::HasVerdict(_))
    ));
    assert!(matches!(spool.load(&id(2)), Err(SpoolError::HasVerdict(_))));
    drop(spool);

    let (mut spool, kept) = open(folder.path(), 10);
    let said: Vec<_> = kept
        .iter()
        .map(|k| (k.waiting.block.clone(), k.told, k.ruling.clone()))
        .collect();
    // By deadline, the earliest first.
    assert_eq!(
        said,
        [
            (id(3), true, None),
            (id(2), false, Some(ruling(2))),
            (id(1), false, None)
        ]
    );
    assert_eq!(spool.load(&id(1)).unwrap(), payload(1));
    assert_eq!(files(folder.path()), 2);
    spool.settle(&id(2)).unwrap();
    spool.discard(&id(1)).unwrap();
    drop(spool);

    let (mut spool, kept) = open(folder.path(), 10);
    assert_eq!(kept.len(), 1);
    assert!(matches!(
        spool.store(NOW, &waiting(2, 0), &payload(2)),
        Err(SpoolError::Known(_))
    ));
    assert!(matches!(
        spool.record(&id(7), &ruling(7)),
        Err(SpoolError::Unknown(_))
    ));
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn what_is_over_leaves_in_the_declared_order() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 4);
    for (i, worth) in [(1, 5), (2, 1), (3, 1), (4, 9)] {
        spool
            .store(NOW + i as u64, &waiting(i, worth), &payload(i))
            .unwrap();
    }
    spool.store(NOW + 5, &waiting(5, 5), &payload(5)).unwrap();
    let gone = |block, expired| vec![Evicted { block, expired }];
    assert_eq!(
        spool.take_evicted(),
        gone(id(2), false),
        "least worth, oldest"
    );
    spool.store(NOW + 6, &waiting(6, 9), &payload(6)).unwrap();
    assert_eq!(spool.take_evicted(), gone(id(3), false));
    spool.store(NOW + 7, &waiting(7, 5), &payload(7)).unwrap();
    assert_eq!(spool.take_evicted(), gone(id(1), false));
    assert!(matches!(
        spool.store(NOW + 8, &waiting(8, 4), &payload(8)),
        Err(SpoolError::Full)
    ));
    assert_eq!(spool.take_evicted(), []);
    // What is too old and told goes before anything has to make room.
    let later = NOW + 3_600 * SECOND + 5;
    spool.expire(later).unwrap();
    assert_eq!(spool.take_evicted(), []);
    spool.told(&id(4)).unwrap();
    spool.store(later, &waiting(9, 0), &payload(9)).unwrap();
    assert_eq!(spool.take_evicted(), gone(id(4), true));
    assert!(matches!(
        spool.store(later, &waiting(10, 0), &vec![0; 1 << 20]),
        Err(SpoolError::TooLarge(_))
    ));
    assert_eq!(spool.waiting(), 4);
    assert_eq!(files(folder.path()), 4);
    assert_eq!(spool.bytes(), 4 * SpoolLimits::counted(2000));
}

#[test]
fn settled_blocks_are_remembered_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 10);
    spool.store(NOW, &waiting(0, 0), b"x").unwrap();
    spool.record(&id(0), &ruling(0)).unwrap();
    spool.settle(&id(0)).unwrap();
    assert_eq!(spool.bytes(), 0);
    assert!(matches!(
        spool.store(NOW, &waiting(0, 0), b"x"),
        Err(SpoolError::Known(_))
    ));
    drop(spool);
    let (mut spool, _) = open(folder.path(), 10);
    assert!(matches!(
        spool.store(NOW, &waiting(0, 0), b"x"),
        Err(SpoolError::Known(_))
    ));
}

#[test]
fn damage_is_told_and_nothing_half_done_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 10);
    spool.store(NOW, &waiting(1, 0), &payload(1)).unwrap();
    spool.store(NOW, &waiting(2, 0), &payload(2)).unwrap();
    drop(spool);
    let blocks = folder.path().join("blocks");
    let mut bytes = fs::read(blocks.join("0000000000000000.block")).unwrap();
    bytes[100] ^= 1;
    fs::write(blocks.join("0000000000000000.block"), bytes).unwrap();
    fs::remove_file(blocks.join("0000000000000001.block")).unwrap();
    fs::write(
        blocks.join("0000000000000002.block"),
        b"stored, never committed",
    )
    .unwrap();
    fs::write(blocks.join("0000000000000003.part"), b"half").unwrap();
    let (spool, kept) = open(folder.path(), 10);
    assert_eq!(kept.len(), 2);
    assert!(matches!(spool.load(&id(1)), Err(SpoolError::Damaged(_))));
    assert!(matches!(spool.load(&id(2)), Err(SpoolError::Damaged(_))));
    assert_eq!(files(folder.path()), 1);
}

/// A spool whose index is `bytes`, in memory where there is such a folder.
fn with_index(bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/dev/shm");
    let folder = folder.or_else(|_| tempfile::tempdir()).unwrap();
    fs::create_dir(folder.path().join("blocks")).unwrap();
    fs::write(folder.path().join("index.redb"), bytes).unwrap();
    folder
}

/// The index of a spool with twenty blocks: told, untold, and with a verdict.
fn index() -> (Vec<u8>, Vec<Kept>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 100);
    for i in 0..20 {
        spool.store(NOW, &waiting(i, 0), &payload(i)).unwrap();
        match i % 3 {
            0 => spool.record(&id(i), &ruling(1)).unwrap(),
            1 => spool.told(&id(i)).unwrap(),
            _ => {}
        }
    }
    drop(spool);
    let (spool, kept) = open(folder.path(), 100);
    drop(spool);
    (fs::read(folder.path().join("index.redb")).unwrap(), kept)
}

fn is_aside(folder: &Path) -> bool {
    folder.join("damaged/index.redb").exists()
}

#[test]
fn a_broken_index_is_put_aside_with_its_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 10);
    spool.store(NOW, &waiting(1, 0), &payload(1)).unwrap();
    drop(spool);
    let index = folder.path().join("index.redb");
    let mut bytes = fs::read(&index).unwrap();
    let many = bytes.len();
    bytes[..many / 2].iter_mut().for_each(|b| *b ^= 0x5a);
    fs::write(&index, bytes).unwrap();
    let (mut spool, kept) = open(folder.path(), 10);
    assert_eq!(kept, []);
    assert!(is_aside(folder.path()));
    let aside = folder.path().join("damaged/blocks");
    assert_eq!(fs::read_dir(aside).unwrap().count(), 1);
    spool.store(NOW, &waiting(1, 0), &payload(1)).unwrap();
}

/// Every line is right, or the spool begins empty: a line is never wrong, and opening never fails.
#[test]
fn a_byte_that_is_another_is_found_wherever_it_is() {
    let (good, all) = index();
    // Every copy of a block's id lies in a page with lines; beside them bytes spread over the whole file.
    let ids = good.windows(3).enumerate().filter(|(_, w)| *w == b"b13");
    let mut places: Vec<usize> = ids.flat_map(|(i, _)| [i, i + 1, i + 12]).collect();
    assert!(places.len() >= 3);
    places.extend((0..400).map(|i| i * 16 + i % 16));
    places.extend((0..200).map(|i| i * good.len() / 200));
    let mut aside = 0;
    for place in places {
        for bit in [0x80, 1] {
            let mut bytes = good.clone();
            bytes[place] ^= bit;
            let folder = with_index(&bytes);
            let (mut spool, kept) = open(folder.path(), 100);
            if is_aside(folder.path()) {
                assert_eq!(kept, [], "byte {place}");
                aside += 1;
            } else {
                // In a page that nothing is in, or the state before the last change stands.
                let known = |k: &Kept| all.iter().any(|a| a.waiting == k.waiting);
                assert!(
                    kept.len() >= all.len() - 1 && kept.iter().all(known),
                    "byte {place}"
                );
            }
            spool.store(NOW, &waiting(99, 0), b"x").unwrap();
        }
    }
    assert!(aside > 20, "{aside}");
}

#[test]
fn an_index_that_is_cut_short_is_put_aside() {
    let (good, all) = index();
    let lengths = (1..700).chain((700..good.len()).step_by(good.len() / 300));
    for length in lengths {
        let folder = with_index(&good[..length]);
        let (mut spool, kept) = open(folder.path(), 100);
        if is_aside(folder.path()) {
            assert_eq!(kept, [], "{length} bytes");
        } else {
            // What was cut off was free.
            assert_eq!(kept, all, "{length} bytes");
        }
        spool.store(NOW, &waiting(99, 0), b"x").unwrap();
    }
}

/// A line of another form, as another version of this program may write.
#[test]
fn a_line_that_cannot_be_read_puts_the_index_aside() {
    let folder = with_index(b"");
    drop(open(folder.path(), 10));
    let database = redb::Database::create(folder.path().join("index.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let lines = redb::TableDefinition::<&str, &[u8]>::new("blocks-1");
    let other: &[u8] = &[0xff; 3];
    write
        .open_table(lines)
        .unwrap()
        .insert("b1", other)
        .unwrap();
    write.commit().unwrap();
    drop(database);
    assert_eq!(open(folder.path(), 10).1, []);
    assert!(is_aside(folder.path()));
}

/// A file system of so many KiB in memory, mounted while it lives; none where this process may not mount.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(folder.path())
            .output();
        let mounted = mount.is_ok_and(|m| m.status.success());
        mounted.then(|| Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

/// Needs the right to mount (as root has); elsewhere it says that it was left out.
#[test]
fn a_full_disk_is_told_and_what_was_there_stays() {
    let Some(disk) = Small::mount(6 << 10) else {
        eprintln!("left out: no right to mount a small file system");
        return;
    };
    let folder = disk.0.path().join("spool");
    let (mut spool, _) = open(&folder, 1 << 20);
    let mut stored = 0;
    let full = loop {
        match spool.store(NOW, &waiting(stored, 0), &vec![stored as u8; 50_000]) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SpoolError::DiskFull { .. }), "{full}");
    assert!(stored > 20, "{stored}");
    // Verdicts find room in the index still, and give room.
    for i in 0..stored / 2 {
        assert_eq!(spool.load(&id(i)).unwrap(), vec![i as u8; 50_000]);
        spool.record(&id(i), &ruling(1)).unwrap();
        spool.settle(&id(i)).unwrap();
    }
    spool.store(NOW, &waiting(stored, 0), &[7; 50_000]).unwrap();
    drop(spool);
    let (spool, kept) = open(&folder, 1 << 20);
    assert_eq!(kept.len(), stored - stored / 2 + 1);
    for kept in kept {
        assert_eq!(spool.load(&kept.waiting.block).unwrap().len(), 50_000);
    }
}

/// The index itself has no room left: the call says so, and works again when there is room.
#[test]
fn an_index_without_room_is_told() {
    let Some(disk) = Small::mount(4 << 10) else {
        eprintln!("left out: no right to mount a small file system");
        return;
    };
    let folder = disk.0.path().join("spool");
    let (mut spool, _) = open(&folder, 1 << 20);
    let ballast = disk.0.path().join("ballast");
    let free = |bytes: usize| fs::write(&ballast, vec![0; bytes]).is_ok();
    let mut bytes = 4 << 20;
    while !free(bytes) {
        bytes -= 4096;
    }
    let mut full = None;
    for i in 0..2000 {
        if let Err(error) = spool.store(NOW, &waiting(i, 0), b"") {
            full = Some((i, error));
            break;
        }
    }
    let (i, error) = full.unwrap();
    assert!(matches!(error, SpoolError::DiskFull { .. }), "{error}");
    fs::remove_file(&ballast).unwrap();
    spool.store(NOW, &waiting(i, 0), b"").unwrap();
    drop(spool);
    assert_eq!(open(&folder, 1 << 20).1.len(), i + 1);
}

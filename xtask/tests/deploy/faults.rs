//! Releases that must not come in, and releases that must not stay.

use super::bundles::{Kind, bundle, scratch};
use super::device::{Device, id, said};
use super::sshd::sshd;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

#[test]
fn releases_that_do_not_perceive_give_way_to_the_old_one() {
    let Some(sshd) = sshd() else { return };
    let device = Device::with_old(sshd);
    for (kind, why) in [
        (Kind::Blind, "no steps in lane"),
        (Kind::Crashing, "no perception"),
    ] {
        let ended = device.deploy(kind);
        assert!(!ended.status.success());
        let said = said(&ended);
        assert!(said.contains(why) && said.contains("rolled back"), "{said}");
        assert!(said.contains("and perceives"), "{said}");
        device.runs_one_of(&[&id(Kind::Old)]);
    }
}

#[test]
fn what_is_forged_tampered_or_for_another_board_is_refused() {
    let Some(sshd) = sshd() else { return };
    let device = Device::with_old(sshd);
    let refused = |bundle: &Path, word: &str| {
        let mut deploy = device.task("deploy");
        deploy.args(["--board", "host", "--bundle"]).arg(bundle);
        let ended = deploy.output().unwrap();
        assert!(!ended.status.success());
        assert!(said(&ended).contains(word), "{word}: {}", said(&ended));
        assert_eq!(device.current(), id(Kind::Old));
    };
    refused(&bundle(Kind::Forged).0, "signature");
    let tampered = scratch().join("tampered.tar.zst");
    // The new program's configuration, with one byte changed on the way.
    tamper(&bundle(Kind::New).0, &tampered, "config/drafthorse.toml");
    refused(&tampered, "nobody asked for it");
    tamper(&bundle(Kind::New).0, &tampered, "manifest.json.minisig");
    refused(&tampered, "signature");

    let file = device.root.join("device.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"host\"", "\"raspberry-pi-5\"")).unwrap();
    refused(
        &bundle(Kind::New).0,
        "for the board host, this device is raspberry-pi-5",
    );
    fs::write(&file, text).unwrap();
    device.runs_one_of(&[&id(Kind::Old)]);
}

/// Changes one byte of a file in a bundle.
fn tamper(from: &Path, to: &Path, name: &str) {
    let mut archive = tar::Archive::new(zstd::Decoder::new(fs::File::open(from).unwrap()).unwrap());
    let mut changed = tar::Builder::new(Vec::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let mut header = entry.header().clone();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if path == Path::new(name) {
            let middle = bytes.len() / 2;
            bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        }
        changed
            .append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    let bytes = changed.into_inner().unwrap();
    fs::write(to, zstd::encode_all(bytes.as_slice(), 1).unwrap()).unwrap();
}

/// A file system of its own, as small as it is told; gone with this value.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(at: &'a Path, mib: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={mib}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_keeps_the_old_release() {
    let Some(sshd) = sshd() else { return };
    let root = scratch().join("small");
    let release: u64 = {
        let (path, _) = bundle(Kind::Old);
        let mut archive =
            tar::Archive::new(zstd::Decoder::new(fs::File::open(path).unwrap()).unwrap());
        archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().size())
            .sum()
    };
    // Room for the program that verifies, for one release and its chunks, and for a log.
    let Some(_small) = Small::mount(&root, 3 * (release >> 20) + 60) else {
        eprintln!("skipped: a small file system needs root");
        return;
    };
    let device = Device::at(sshd, &root);
    let first = device.install_first(Kind::Old);
    assert!(first.status.success(), "{}", said(&first));
    // Full before: refused at once.
    let filler = root.join("filler");
    let free = || {
        let listed = Command::new("df")
            .args(["--output=avail", "-m"])
            .arg(&root)
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed
            .lines()
            .nth(1)
            .unwrap()
            .trim()
            .parse::<u64>()
            .unwrap()
    };
    let fill = |mib: u64| {
        let blocks = format!("count={mib}");
        let mut dd = Command::new("dd");
        dd.args(["if=/dev/zero", "bs=1M", &blocks])
            .arg(format!("of={}", filler.display()));
        dd.output().unwrap();
    };
    fill(free().saturating_sub(release >> 20));
    let refused = device.deploy(Kind::New);
    assert!(
        said(&refused).contains("MiB are free on the device"),
        "{}",
        said(&refused)
    );
    fs::remove_file(&filler).unwrap();
    // Full in the middle: the wrapper fills it before the fourth call, which installs.
    let wrapper = root.join("ssh.sh");
    let (at, calls) = (root.display(), root.join("calls").display().to_string());
    super::interrupted::script(
        &wrapper,
        &format!(
            "echo >>{calls}\n[ \"$(wc -l <{calls})\" -ne 4 ] || dd if=/dev/zero of={at}/filler bs=1M 2>/dev/null\nexec ssh \"$@\"\n"
        ),
    );
    let broken = device
        .deploying(Kind::New)
        .arg("--ssh")
        .arg(&wrapper)
        .output()
        .unwrap();
    assert!(!broken.status.success());
    assert!(said(&broken).contains("No space left"), "{}", said(&broken));
    fs::remove_file(&filler).unwrap();
    device.runs_one_of(&[&id(Kind::Old)]);
    let again = device.deploy(Kind::New);
    assert!(again.status.success(), "{}", said(&again));
    device.runs_one_of(&[&id(Kind::New)]);
}

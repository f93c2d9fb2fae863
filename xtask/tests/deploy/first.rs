//! The ordinary way of a device: its first release, the next one, back, and what is told of it.

use super::bundles::Kind;
use super::device::{Device, id, said};
use super::sshd::sshd;

#[test]
fn a_bare_device_gets_releases_and_goes_back() {
    let Some(sshd) = sshd() else { return };
    let device = Device::new(sshd);

    let early = device.deploy(Kind::Old);
    assert!(said(&early).contains("--first-install"), "{}", said(&early));

    let first = device.install_first(Kind::Old);
    assert!(first.status.success(), "{}", said(&first));
    assert!(said(&first).contains("the device trusts SHA256:"));
    assert_eq!(device.runs_one_of(&[&id(Kind::Old)]), id(Kind::Old));

    let plan = device
        .deploying(Kind::New)
        .arg("--dry-run")
        .output()
        .unwrap();
    assert!(said(&plan).contains("5. switch to it"), "{}", said(&plan));
    assert_eq!(device.current(), id(Kind::Old));

    // Only the configuration differs: hardly anything is sent.
    let next = device.deploy(Kind::New);
    assert!(next.status.success(), "{}", said(&next));
    assert!(said(&next).contains("sent 1 of "), "{}", said(&next));
    device.runs_one_of(&[&id(Kind::New)]);

    let again = device.deploy(Kind::New);
    assert!(said(&again).contains("runs there already"));

    let back = device.task("rollback").output().unwrap();
    assert!(back.status.success(), "{}", said(&back));
    device.runs_one_of(&[&id(Kind::Old)]);

    let status = device.task("status").output().unwrap();
    let status = said(&status);
    let previous = format!("previous   {}", id(Kind::New));
    assert!(
        status.contains(&previous) && status.contains("steps"),
        "{status}"
    );

    let logs = device
        .task("logs")
        .args(["--", "/dev/null"])
        .output()
        .unwrap();
    assert!(logs.status.success(), "{}", said(&logs));
}

#[test]
fn a_first_release_that_is_blind_is_told_and_replaced() {
    let Some(sshd) = sshd() else { return };
    let device = Device::new(sshd);
    let first = device.install_first(Kind::Blind);
    assert!(!first.status.success());
    assert!(
        said(&first).contains("no earlier release"),
        "{}",
        said(&first)
    );
    let next = device.deploy(Kind::Old);
    assert!(next.status.success(), "{}", said(&next));
    device.runs_one_of(&[&id(Kind::Old)]);
}

//! Several devices: the canary's failure saves the others.

use super::bundles::{Kind, bundle, scratch, xtask};
use super::device::{Device, id, said};
use super::sshd::sshd;
use std::fs;
use std::process::Output;

#[test]
fn a_fleet_follows_its_canary() {
    let Some(sshd) = sshd() else { return };
    let devices = [Device::with_old(sshd), Device::with_old(sshd)];
    let file = scratch().join("fleet.toml");
    let mut text = "canary = 1\nparallel = 2\n".to_owned();
    for (number, device) in devices.iter().enumerate() {
        let root = device.root.display();
        text.push_str(&format!(
            "\n[[device]]\nhost = \"car-{number}\"\nboard = \"host\"\nroot = \"{root}\"\n"
        ));
    }
    fs::write(&file, text).unwrap();
    let deploy = |kind: Kind| -> Output {
        xtask()
            .args(["deploy", "--fleet"])
            .arg(&file)
            .arg("--bundle")
            .arg(bundle(kind).0)
            .arg("-F")
            .arg(&sshd.client)
            .output()
            .unwrap()
    };
    let failed = deploy(Kind::Crashing);
    assert!(!failed.status.success());
    let text = said(&failed);
    assert!(
        text.contains("car-0: FAILED") && text.contains("car-1: not begun"),
        "{text}"
    );
    let done = deploy(Kind::New);
    assert!(done.status.success(), "{}", said(&done));
    for device in &devices {
        device.runs_one_of(&[&id(Kind::New)]);
    }
}

//! What a live run tells the outside: its status file, and systemd's watchdog.

use drafthorse_release::RunStatus;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_live_run_tells_its_steps_and_that_it_is_alive() {
    let folder = tempfile::tempdir().unwrap();
    let (status, socket) = (
        folder.path().join("status.json"),
        folder.path().join("notify"),
    );
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd
        .set_read_timeout(Some(Duration::from_secs(120)))
        .unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args([
            "run",
            "--source",
            "synth:?seed=7&seconds=600&live=1&camera_fps=2",
        ])
        .arg("--out")
        .arg(folder.path().join("out"))
        .arg("--status")
        .arg(&status)
        .arg("--no-report")
        .env("NOTIFY_SOCKET", &socket)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let told = || {
        let mut message = [0; 64];
        let length = systemd.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    assert_eq!(told(), "READY=1");
    assert_eq!(told(), "WATCHDOG=1");

    let began = Instant::now();
    let steps = loop {
        assert!(began.elapsed() < Duration::from_secs(120));
        if let Some(status) = RunStatus::read(&status)
            && status.lanes.iter().all(|lane| lane.steps > 0)
        {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(steps.pid, run.id());
    assert!(steps.recording);
    assert!(steps.program.ends_with("drafthorse"));
    let lanes: Vec<_> = steps.lanes.iter().map(|lane| lane.lane.as_str()).collect();
    assert_eq!(lanes, ["radar", "camera_front"]);

    let stop = Command::new("kill").arg(run.id().to_string()).status();
    assert!(stop.unwrap().success());
    assert!(run.wait().unwrap().success());
}

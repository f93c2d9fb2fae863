//! Runs a program for its output, without waiting longer than told.

use std::{
    io::Read,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Most bytes of output that are looked at.
const MAX_OUTPUT: u64 = 64 * 1024;

/// What the program writes; `None` where it is absent, fails, or takes longer than `patience`.
pub(super) fn output(program: &str, arguments: &[&str], patience: Duration) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let (send, receive) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(MAX_OUTPUT).read_to_string(&mut text);
        let _ = send.send(read.is_ok().then_some(text));
    });
    let text = receive.recv_timeout(patience);
    // Ends it where it still runs; where it is over already, this does nothing.
    let _ = child.kill();
    let status = child.wait();
    let _ = reader.join();
    let text = text.ok().flatten()?;
    status.ok().filter(|_| !text.is_empty()).map(|_| text)
}

//! The service is restarted by the device's own command.

use crate::error::ReleaseError;
use crate::root::Root;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that the command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Restarts the service. What the command says is kept in `restart.log`: it must not hold the
/// connection open by which we were called.
pub(crate) fn restart(root: &Root) -> Result<(), ReleaseError> {
    let words = &root.deploy.restart;
    let command = words.join(" ");
    let failed = |why: String| ReleaseError::Restart(format!("`{command}` {why}"));
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("names no program".to_owned()));
    };
    let path = root.path().join("restart.log");
    let log = File::create(&path).map_err(ReleaseError::io("write", &path))?;
    let too = log.try_clone().map_err(ReleaseError::io("write", &path))?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(root.path())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(too)
        .spawn()
        .map_err(|error| failed(format!("could not be started: {error}")))?;
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let said = std::fs::read_to_string(&path).unwrap_or_default();
                return Err(failed(format!("ended with {status}: {}", said.trim())));
            }
            Ok(None) if began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failed(format!("took longer than {PATIENCE:?}")));
            }
            Err(error) => return Err(failed(error.to_string())),
        }
    }
}

//! One step of a longer check: a command with its environment, and how it ended.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::workspace;

/// A command to run in the workspace's root.
pub(crate) struct Step {
    /// What the step shows.
    pub(crate) name: String,
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// How a step ended.
pub(crate) struct Outcome {
    /// The step's name.
    pub(crate) name: String,
    /// The command as typed.
    pub(crate) command: String,
    /// Whether it exited with 0.
    pub(crate) passed: bool,
    /// Wall time.
    pub(crate) took: Duration,
    /// Standard output, kept for steps whose figures are written down, else empty.
    pub(crate) output: String,
}

impl Step {
    /// A step of that name running `program` with `arguments`.
    pub(crate) fn new(name: &str, program: &str, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: arguments.iter().map(|&part| part.to_owned()).collect(),
            environment: Vec::new(),
        }
    }

    /// A step of that name running cargo with `arguments`.
    pub(crate) fn cargo(name: &str, arguments: &[&str]) -> Self {
        Self::new(name, &workspace::cargo(), arguments)
    }

    /// The same with an environment variable set.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Runs it with its output shown; with `keep`, standard output is kept, too.
    pub(crate) fn run(&self, keep: bool) -> Outcome {
        eprintln!("xtask: {}: {}", self.name, self.typed());
        let began = Instant::now();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir(workspace::root())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        command.stdout(if keep {
            Stdio::piped()
        } else {
            Stdio::inherit()
        });
        let mut output = String::new();
        let ended = command.spawn().and_then(|mut child| {
            if let Some(written) = child.stdout.take() {
                show_and_keep(written, &mut output)?;
            }
            child.wait()
        });
        let passed = match ended {
            Ok(status) => status.success(),
            Err(error) => {
                eprintln!("xtask: {} cannot be run: {error}", self.program);
                false
            }
        };
        let took = began.elapsed();
        let verdict = if passed { "ok" } else { "FAILED" };
        eprintln!(
            "xtask: {}: {verdict} in {:.1} s",
            self.name,
            took.as_secs_f64()
        );
        Outcome {
            name: self.name.clone(),
            command: self.typed(),
            passed,
            took,
            output,
        }
    }

    /// The command as a person would type it in the workspace's root.
    fn typed(&self) -> String {
        let mut typed = String::new();
        for (key, value) in &self.environment {
            let value = if value.contains(' ') { "…" } else { value };
            let _ = write!(typed, "{key}={value} ");
        }
        // Cargo's own path is this machine's affair.
        let is_elsewhere = self.program.starts_with('/');
        let name = self.program.rsplit('/').next().filter(|_| is_elsewhere);
        let program = name.unwrap_or(&self.program);
        typed.push_str(program);
        for argument in &self.arguments {
            let _ = write!(typed, " {argument}");
        }
        typed
    }
}

/// Shows each line as it comes, so that nobody waits in silence, and keeps it.
fn show_and_keep(written: impl Read, output: &mut String) -> std::io::Result<()> {
    let mut written = BufReader::new(written);
    let mut line = Vec::new();
    while written.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        eprint!("{text}");
        output.push_str(&text);
        line.clear();
    }
    Ok(())
}

//! A device behind ssh: the system's own program, with the user's own configuration.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use clap::Args;
use serde::de::DeserializeOwned;

/// Exit status of ssh where the connection failed or ended.
const NO_CONNECTION: i32 = 255;

/// How ssh is called.
#[derive(Args, Clone)]
pub(crate) struct SshArguments {
    /// Port of the device's ssh
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Key that the device knows
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Configuration in the place of ~/.ssh/config
    #[arg(short = 'F', long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
    /// Option of ssh, for example `ProxyJump=depot`; may be given several times
    #[arg(short = 'o', long, value_name = "KEY=VALUE")]
    ssh_option: Vec<String>,
    /// The ssh program
    #[arg(long, value_name = "PROGRAM", default_value = "ssh")]
    ssh: PathBuf,
}

impl SshArguments {
    /// The same with this configuration, where none was named.
    pub(super) fn with_config(mut self, file: PathBuf) -> Self {
        self.ssh_config.get_or_insert(file);
        self
    }
}

/// A device's name, for clap: one word that ssh takes for no option.
pub(crate) fn host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace) {
        return Err(format!("{text:?} names no device: [user@]host"));
    }
    Ok(text.to_owned())
}

/// The connection to the device ended; what was begun there may go on.
#[derive(Debug, thiserror::Error)]
#[error(
    "the connection to {0} failed or was cut; a deployment that is called again goes on where it was"
)]
pub(crate) struct Cut(String);

/// A device.
pub(crate) struct Remote {
    host: String,
    root: PathBuf,
    program: PathBuf,
    words: Vec<String>,
}

impl Remote {
    /// The device `host` with its folder of releases.
    pub(crate) fn new(host: &str, root: &Path, ssh: &SshArguments) -> Self {
        // Nobody is there to type a password, and a dead link is noticed.
        let mut words: Vec<String> = [
            "BatchMode=yes",
            "ServerAliveInterval=10",
            "ConnectTimeout=15",
        ]
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option.to_owned()])
        .collect();
        if let Some(file) = &ssh.ssh_config {
            words.extend(["-F".to_owned(), file.display().to_string()]);
        }
        if let Some(port) = ssh.port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(file) = &ssh.identity {
            words.extend(["-i".to_owned(), file.display().to_string()]);
        }
        for option in &ssh.ssh_option {
            words.extend(["-o".to_owned(), option.clone()]);
        }
        Self {
            host: host.to_owned(),
            root: root.to_owned(),
            program: ssh.ssh.clone(),
            words,
        }
    }

    /// The folder of releases.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a release was ever seen perceiving there.
    pub(super) fn has_release(&self) -> anyhow::Result<bool> {
        let root = quoted(&self.root.display().to_string());
        let asked = self.shell(&format!(
            "[ -x {root}/confirmed/bin/drafthorse ] && echo true || echo false"
        ))?;
        asked.answer()
    }

    /// Starts `drafthorse release` with these words: by the release that was seen perceiving last,
    /// or by the program that a first installation brought.
    pub(crate) fn release(&self, words: &[&str]) -> anyhow::Result<Call> {
        self.shell(&self.release_command(words))
    }

    /// What [`release`](Self::release) has the device's shell do.
    pub(crate) fn release_command(&self, words: &[&str]) -> String {
        let root = quoted(&self.root.display().to_string());
        let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        format!(
            "p={root}/confirmed/bin/drafthorse; [ -x \"$p\" ] || p={root}/first/drafthorse; \
             [ -x \"$p\" ] || {{ echo no release in {root}: deploy with --first-install >&2; exit 3; }}; \
             exec \"$p\" release --root {root} {}",
            words.join(" ")
        )
    }

    /// Starts a command there.
    pub(crate) fn command(&self, words: &[String]) -> anyhow::Result<Call> {
        let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        self.shell(&words.join(" "))
    }

    /// Starts lines of shell there.
    pub(crate) fn shell(&self, script: &str) -> anyhow::Result<Call> {
        let child = Command::new(&self.program)
            .args(&self.words)
            .args([&self.host, "--"])
            .arg(format!("sh -c {}", quoted(script)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} could not be started", self.program.display()))?;
        Ok(Call {
            host: self.host.clone(),
            child,
        })
    }

    /// The whole command as a person would type it.
    pub(crate) fn typed(&self, script: &str) -> String {
        let (program, words) = (self.program.display(), self.words.join(" "));
        format!(
            "{program} {words} {} -- sh -c {}",
            self.host,
            quoted(script)
        )
    }
}

/// A command that runs on the device.
pub(crate) struct Call {
    host: String,
    child: Child,
}

impl Call {
    /// Lets `write` fill the command's input. That the other side went away is told by its end.
    pub(crate) fn feed(
        mut self,
        write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
    ) -> anyhow::Result<Self> {
        if let Some(mut input) = self.child.stdin.take() {
            match write(&mut input).and_then(|()| input.flush()) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                other => other.context("cannot send")?,
            }
        }
        Ok(self)
    }

    /// Waits for the end, with each line of output shown.
    pub(crate) fn lines(mut self, show: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let mut errors = self.child.stderr.take();
        let reading = std::thread::spawn(move || {
            let mut said = String::new();
            if let Some(errors) = &mut errors {
                let _ = errors.read_to_string(&mut said);
            }
            said
        });
        if let Some(output) = self.child.stdout.take() {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                show(&line);
            }
        }
        let status = self.child.wait().context("ssh was lost")?;
        let said = reading.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let said = said.trim();
        match status.code() {
            Some(NO_CONNECTION) | None => {
                let cut = anyhow::Error::from(Cut(self.host));
                Err(if said.is_empty() {
                    cut
                } else {
                    cut.context(said.to_owned())
                })
            }
            Some(code) if said.is_empty() => {
                bail!("{}: the command ended with status {code}", self.host)
            }
            Some(_) => bail!("{}: {}", self.host, said.trim_start_matches("drafthorse: ")),
        }
    }

    /// Waits for the end, and reads all of the output as one JSON value.
    pub(crate) fn answer<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        let host = self.host.clone();
        let mut text = String::new();
        self.lines(&mut |line| text.push_str(line))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{host} answered what is no answer: {text}"))
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::process::Command;

    #[test]
    fn a_shell_reads_words_back() {
        for word in [
            "plain",
            "",
            "two words",
            "it's",
            "$HOME `x` \"y\" \\",
            "a\nb",
            "*;&|",
        ] {
            for word in [word.to_owned(), quoted(word)] {
                let script = format!("printf %s {}", quoted(&word));
                let ended = Command::new("sh").args(["-c", &script]).output().unwrap();
                assert_eq!(String::from_utf8(ended.stdout).unwrap(), word);
            }
        }
    }
}

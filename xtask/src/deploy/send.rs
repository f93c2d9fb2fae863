//! One release to one device, step by step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use drafthorse_release::{Answer, Digest, FrameWriter, Offer, Overview, Received};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::prepare::FirstInstall;
use super::remote::{Call, Cut, Remote};
use crate::bundle::{Bundle, mib};

/// How long a device that went away during a trial is asked for what came of it without an answer.
const REUNION: Duration = Duration::from_secs(30);

/// Shows how far a device is.
pub(super) struct Show {
    host: String,
    bar: ProgressBar,
    quiet: bool,
}

impl Show {
    /// For the device `host`, among others; `quiet` leaves the terminal to the bar.
    pub(super) fn new(host: &str, bars: &MultiProgress, quiet: bool) -> Self {
        let bar = bars.add(ProgressBar::no_length());
        Self {
            host: host.to_owned(),
            bar,
            quiet,
        }
    }

    /// A step that was done.
    pub(super) fn line(&self, words: &str) {
        if self.quiet {
            self.bar.set_message(format!("{}: {words}", self.host));
        } else {
            println!("{}: {words}", self.host);
        }
    }

    /// So many bytes are to be sent.
    fn sending(&self, bytes: u64) {
        let style = "{msg} {bar:30.cyan/black} {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.bar.set_style(style);
        }
        self.bar.set_message(self.host.clone());
        self.bar.set_length(bytes);
    }

    fn sent(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn all_sent(&self) {
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            self.bar.set_style(style);
        }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A release on its way to a device.
pub(super) struct Plan<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) remote: &'a Remote,
    pub(super) first: &'a FirstInstall,
    pub(super) show: Show,
}

impl Plan<'_> {
    /// Prints the steps.
    pub(super) fn print(&self) {
        let manifest = &self.bundle.manifest;
        let id = &manifest.id;
        println!(
            "deploy {id}, {:.1} MiB for {}",
            mib(manifest.size()),
            manifest.board
        );
        let mut number = 0;
        let mut step = |words: &str, command: Option<&[&str]>| {
            number += 1;
            println!("{number}. {words}");
            if let Some(command) = command {
                println!(
                    "   {}",
                    self.remote.typed(&self.remote.release_command(command))
                );
            }
        };
        if self.first.first_install {
            for words in self.first.steps(self.remote) {
                step(&words, None);
            }
        }
        step("ask what runs there", Some(&["status", "--json"]));
        step(
            "offer the signed manifest: signature, board, room, missing chunks",
            Some(&["begin"]),
        );
        step("send the missing chunks", Some(&["receive", id]));
        step(
            "put the release together beside the running one, verified, and start its program once",
            Some(&["install", id]),
        );
        step(
            "switch to it, restart the service, wait for perception, confirm or go back",
            Some(&["activate", id]),
        );
    }

    /// Does them.
    pub(super) fn carry_out(&self) -> anyhow::Result<()> {
        let id = self.bundle.manifest.id.as_str();
        if self.first.first_install {
            self.first.prepare(self.bundle, self.remote, &self.show)?;
        }
        let before: Overview = self.remote.release(&["status", "--json"])?.answer()?;
        if self.first.first_install {
            for key in &before.keys {
                self.show.line(&format!("the device trusts {key}"));
            }
        }
        ensure!(
            !before.busy,
            "someone is changing releases there right now; wait for it"
        );
        let runs = before.confirmed.as_deref() == Some(id) && before.current.as_deref() == Some(id);
        let answer = self.offer()?;
        if answer.installed && runs {
            self.show.line(&format!("{id} runs there already, whole"));
            return Ok(());
        }
        if !answer.installed {
            self.send(&answer)?;
            let install = self.remote.release(&["install", id])?;
            install.lines(&mut |line| self.show.line(line))?;
        }
        let trial = self.remote.release(&["activate", id])?;
        match trial.lines(&mut |line| self.show.line(line)) {
            Err(error) if error.is::<Cut>() => self.reunite(error),
            ended => ended,
        }
    }

    fn offer(&self) -> anyhow::Result<Answer> {
        let offer = serde_json::to_vec(&Offer {
            manifest: self.bundle.text.clone(),
            signature: self.bundle.signature.clone(),
        })?;
        let begin = self.remote.release(&["begin"])?;
        begin.feed(|input| input.write_all(&offer))?.answer()
    }

    /// Sends the chunks that are missing.
    fn send(&self, answer: &Answer) -> anyhow::Result<()> {
        let chunks = self.bundle.chunks();
        let missing: BTreeMap<&Digest, &[u8]> = answer
            .missing
            .iter()
            .map(|digest| {
                let bytes = chunks.get(digest).copied();
                let bytes = bytes.context("the device asks for a chunk that the bundle lacks")?;
                Ok((digest, bytes))
            })
            .collect::<anyhow::Result<_>>()?;
        let size = |bytes: &[u8]| bytes.len() as u64;
        let raw: u64 = missing.values().map(|bytes| size(bytes)).sum();
        self.show.sending(raw);
        let mut sent = 0;
        let receive = self
            .remote
            .release(&["receive", &answer.id])?
            .feed(|input| {
                let mut frames = FrameWriter::new(input);
                for bytes in missing.values() {
                    sent += frames.write(bytes)?;
                    self.show.sent(size(bytes));
                }
                frames.finish()
            })?;
        let received: Received = receive.answer()?;
        self.show.all_sent();
        ensure!(
            received.bytes == raw,
            "the device took {} of {raw} bytes",
            received.bytes
        );
        let whole: u64 = chunks.values().map(|bytes| size(bytes)).sum();
        self.show.line(&format!(
            "sent {} of {} chunks, {:.1} MiB compressed, for a release of {:.1} MiB: {:.1} MiB were there already",
            missing.len(),
            chunks.len(),
            mib(sent),
            mib(whole),
            mib(whole.saturating_sub(raw)),
        ));
        Ok(())
    }

    /// The connection was lost while the device tried the release: it decides by itself, and is
    /// asked for its decision.
    fn reunite(&self, cut: anyhow::Error) -> anyhow::Result<()> {
        let id = self.bundle.manifest.id.as_str();
        self.show
            .line("the connection was cut during the trial; the device decides by itself");
        let mut heard = Instant::now();
        while heard.elapsed() < REUNION {
            std::thread::sleep(Duration::from_secs(1));
            let asked = self.remote.release(&["status", "--json"]);
            let Ok(now) = asked.and_then(Call::answer::<Overview>) else {
                continue;
            };
            if now.busy {
                // It ends by itself: a trial and a return have their time each.
                heard = Instant::now();
                continue;
            }
            if now.confirmed.as_deref() == Some(id) && now.tried.is_none() {
                self.show.line(&format!("{id} perceives and is confirmed"));
                return Ok(());
            }
            break;
        }
        Err(cut.context(format!(
            "{id} was not seen confirmed; ask with `cargo xtask status`"
        )))
    }
}

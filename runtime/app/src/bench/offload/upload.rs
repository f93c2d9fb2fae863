//! The peer that does without a vehicle's eyes: pictures go up as JPEG, the target looks at them and describes them alone.
//! No encryption and no protocol but a length before each picture: less on the wire than any service would have.

use super::{Folders, alone};
use crate::describe::picture_of;
use anyhow::{Context, Result};
use drafthorse_draft::{Seen, Target, TargetOptions};
use drafthorse_engine::Backend;
use drafthorse_relay::{Conditions, Relay};
use drafthorse_vision::{Looker, ModelFolder};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The target with its eyes, and a connection to it.
pub(super) struct Uploads {
    looker: Looker,
    target: Target,
    prompt: Vec<u32>,
}

impl Uploads {
    pub(super) fn open(
        folders: &Folders,
        backend: &dyn Backend,
        threads: usize,
        prompt: Vec<u32>,
    ) -> Result<Self> {
        let options = TargetOptions {
            threads,
            ..TargetOptions::default()
        };
        let files = ModelFolder::find(&folders.target, None)?;
        Ok(Self {
            looker: Looker::open(&files, backend, threads)?,
            target: Target::open(&folders.target, backend, &options)?,
            prompt,
        })
    }

    /// Sends pictures over a link one after another; how long each took to come back as a text.
    pub(super) fn times(
        &mut self,
        pictures: &[&[u8]],
        conditions: Conditions,
        pace: Duration,
    ) -> Result<Vec<Duration>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let relay = Relay::start(listener.local_addr()?, conditions)?;
        let near = TcpStream::connect(relay.address())?;
        let (far, _) = listener.accept()?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        std::thread::scope(|scope| {
            // The engine stays on this thread, the vehicle has one of its own.
            let vehicle = scope.spawn(|| vehicle(near, pictures));
            let served = pictures.iter().try_for_each(|_| self.serve(&far, pace));
            if served.is_err() {
                // Nobody waits for an answer that does not come.
                let _ = far.shutdown(Shutdown::Both);
            }
            served?;
            let times = vehicle
                .join()
                .ok()
                .context("the vehicle's thread has ended")?;
            Ok(times?)
        })
    }

    /// Takes a picture and answers with its text.
    fn serve(&mut self, mut far: &TcpStream, pace: Duration) -> Result<()> {
        let mut length = [0; 4];
        far.read_exact(&mut length)?;
        let mut jpeg = vec![0; u32::from_le_bytes(length) as usize];
        far.read_exact(&mut jpeg)?;
        let seen = self.looker.look(&picture_of(&jpeg)?)?;
        let text = alone::say(&mut self.target, &Seen::of(&seen)?, &self.prompt, pace)?;
        let mut answer = (text.len() as u32).to_le_bytes().to_vec();
        answer.extend(text.iter().flat_map(|&id| (id as u16).to_le_bytes()));
        Ok(far.write_all(&answer)?)
    }
}

fn vehicle(mut near: TcpStream, pictures: &[&[u8]]) -> std::io::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(pictures.len());
    for jpeg in pictures {
        let begun = Instant::now();
        let message = [&(jpeg.len() as u32).to_le_bytes(), *jpeg].concat();
        near.write_all(&message)?;
        let mut length = [0; 4];
        near.read_exact(&mut length)?;
        let mut text = vec![0; 2 * u32::from_le_bytes(length) as usize];
        near.read_exact(&mut text)?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

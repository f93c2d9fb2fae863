//! What runs a drafter's layers: this room's own code where it knows the drafter's graph, else an engine.

use crate::drafter::{DrafterOptions, Form};
use crate::error::DraftError;
use crate::folder::DrafterFolder;
use crate::native::{Native, Rows};
use drafthorse_engine::{Backend, Kept};
use drafthorse_vision::{Decoder, Positions};

/// A drafter's layers with their cache.
pub(crate) enum Layers {
    /// Without an engine.
    Native(Box<Native>),
    /// On an engine.
    Engine(OnEngine),
}

/// A graph that an engine runs.
pub(crate) struct OnEngine {
    decoder: Decoder,
    global: usize,
    states: Option<usize>,
    /// The last row that it took in.
    last: usize,
}

impl Layers {
    pub(crate) fn open(
        folder: &DrafterFolder,
        backend: &dyn Backend,
        options: &DrafterOptions,
    ) -> Result<Self, DraftError> {
        let form = options.form.name();
        let name = match &options.rung {
            Some(rung) => format!("{form}_{rung}"),
            None => form.to_owned(),
        };
        let path = folder.graph(&name, options.precision.as_deref())?;
        let is_joined = options.form == Form::Colocated;
        let config = &folder.config;
        let shape = [config.hidden_size, config.vocab_size];
        if !options.on_engine {
            let native = Native::read(&path, config.num_attention_heads);
            let fits = |native: &Native| native.shape() == shape && native.is_joined() == is_joined;
            if let Some(native) = native.filter(fits) {
                return Ok(Self::Native(Box::new(native)));
            }
        }
        let others: &[&str] = match is_joined {
            false => &["global"],
            true => &["global", "hidden_states_in"],
        };
        let decoder = Decoder::open(&path, backend, options.threads, others)?;
        let states = is_joined.then(|| decoder.input("hidden_states_in"));
        Ok(Self::Engine(OnEngine {
            global: decoder.input("global")?,
            states: states.transpose()?,
            decoder,
            last: 0,
        }))
    }

    /// Forgets what came before; the next rows are about a picture with this vector.
    pub(crate) fn begin(&mut self, whole: &[f32]) -> Result<(), DraftError> {
        match self {
            Self::Native(native) => native.begin(whole),
            Self::Engine(engine) => {
                engine.decoder.reset()?;
                let to = engine.decoder.fill(engine.global, &[1, whole.len()])?;
                to.copy_from_slice(whole);
            }
        }
        Ok(())
    }

    /// Takes further rows in; what they give is kept of the last one.
    pub(crate) fn feed(
        &mut self,
        rows: &Rows<'_>,
        positions: &Positions,
    ) -> Result<(), DraftError> {
        let engine = match self {
            Self::Native(native) => return native.feed(rows, positions.axis(0)),
            Self::Engine(engine) => engine,
        };
        if let Some((input, states)) = engine.states.zip(rows.states) {
            let shape = [1, positions.len(), states.len() / positions.len().max(1)];
            engine.decoder.fill(input, &shape)?.copy_from_slice(states);
        }
        engine.last = positions.len().saturating_sub(1);
        Ok(engine.decoder.feed(rows.embeds, positions)?)
    }

    /// Goes back to the first places.
    pub(crate) fn keep(&mut self, places: usize) -> Result<(), DraftError> {
        match self {
            Self::Native(native) => native.keep(places),
            Self::Engine(engine) => engine.decoder.keep(Kept::first(places))?,
        }
        Ok(())
    }

    /// Logits after the last row.
    pub(crate) fn logits(&self) -> Result<&[f32], DraftError> {
        match self {
            Self::Native(native) => Ok(native.logits()),
            Self::Engine(engine) => Ok(engine.decoder.logits(engine.last)?),
        }
    }

    /// The hidden state at the last row.
    pub(crate) fn hidden_state(&self) -> Result<&[f32], DraftError> {
        match self {
            Self::Native(native) => Ok(native.hidden_state()),
            Self::Engine(engine) => Ok(engine.decoder.hidden_state(engine.last)?),
        }
    }
}

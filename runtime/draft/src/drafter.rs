//! A drafter: words in, logits and hidden states out, and back again.

use crate::error::DraftError;
use crate::folder::DrafterFolder;
use crate::glance::{Glance, Glancer};
use crate::layers::Layers;
use crate::native::Rows;
use crate::propose::Settled;
use crate::seen::Seen;
use crate::target::Rules;
use crate::words::Words;
use drafthorse_engine::Backend;
use drafthorse_vision::Positions;
use std::sync::Arc;

/// Where a drafter works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the vehicle, without the target.
    Standalone,
    /// Beside the target, which gives it its hidden states.
    Colocated,
}

impl Form {
    /// Its graph's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Colocated => "colocated",
        }
    }
}

/// How a drafter is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrafterOptions {
    /// Which form of it.
    pub form: Form,
    /// A drafter to compare with, by its graph's name behind the form's; none for the one itself.
    pub rung: Option<String>,
    /// Precision of its graph by the name's suffix, `q4` for example; none for the plain one.
    pub precision: Option<String>,
    /// Threads that work on one run of an engine.
    pub threads: usize,
    /// Whether an engine runs its layers even where this room does: to compare.
    pub on_engine: bool,
}

impl DrafterOptions {
    /// That form as it is, on one thread.
    #[must_use]
    pub fn of(form: Form) -> Self {
        Self {
            form,
            rung: None,
            precision: None,
            threads: 1,
            on_engine: false,
        }
    }
}

/// A drafter, loaded.
pub struct Drafter {
    pub(crate) form: Form,
    pub(crate) words: Arc<Words>,
    pub(crate) rules: Rules,
    glancer: Glancer,
    layers: Layers,
    slot_positions: Positions,
    glance: Glance,
    /// Position of the text's first word.
    text_from: usize,
    /// Words in the cache behind the slots.
    held: Vec<u32>,
    /// So many of them were made with the target's hidden states, or need none.
    settled: usize,
    /// Memory of a run's embeddings.
    embeds: Vec<f32>,
}

impl Drafter {
    /// Loads a drafter for a target, whose embeddings and rules are given.
    ///
    /// # Errors
    /// [`DraftError`]: a file that is missing or unreadable, a drafter for another target, a graph that the
    /// engine refuses.
    pub fn open(
        folder: &DrafterFolder,
        words: &Arc<Words>,
        rules: &Rules,
        backend: &dyn Backend,
        options: &DrafterOptions,
    ) -> Result<Self, DraftError> {
        let config = &folder.config;
        let found = [config.hidden_size, config.vocab_size];
        let wanted = [words.width(), words.vocabulary()];
        if found != wanted {
            return Err(DraftError::Unfit {
                drafter: config.name.clone(),
                target: config.target.clone().into(),
                why: format!("width and vocabulary are {found:?}, the target's {wanted:?}"),
            });
        }
        let mut slot_positions = Positions::new(1);
        for &position in &config.slot_positions {
            slot_positions.push(&[position as i64]);
        }
        Ok(Self {
            form: options.form,
            words: Arc::clone(words),
            rules: rules.clone(),
            glancer: Glancer::open(folder, backend, options.threads)?,
            layers: Layers::open(folder, backend, options)?,
            slot_positions,
            glance: Glance::default(),
            text_from: 0,
            held: Vec::new(),
            settled: 0,
            embeds: Vec::new(),
        })
    }

    /// Forgets what came before, and looks at a picture.
    ///
    /// # Errors
    /// [`DraftError::Seen`], [`DraftError::Vision`].
    pub fn look(&mut self, seen: &Seen<'_>) -> Result<(), DraftError> {
        let last = self.slot_positions.axis(0).last().unwrap_or(0);
        if last >= seen.whole() as i64 {
            return Err(DraftError::Seen(format!(
                "a picture of {} tokens leaves no room for the slot at position {last}",
                seen.whole()
            )));
        }
        self.glance = self.glancer.look(seen)?;
        self.text_from = seen.whole();
        self.held.clear();
        self.settled = 0;
        self.layers.begin(&self.glance.whole)?;
        let nothing = vec![0.0; self.glance.slots.len()];
        let rows = Rows {
            embeds: &self.glance.slots,
            states: (self.form == Form::Colocated).then_some(&nothing),
            are_words: false,
        };
        self.layers.feed(&rows, &self.slot_positions)
    }

    /// What it saw of the picture.
    #[must_use]
    pub fn glance(&self) -> &Glance {
        &self.glance
    }

    /// Goes to the end of what is settled. What it drafted and the target took is not run again where that
    /// changes nothing; beside the target it is, with the target's hidden states.
    ///
    /// # Errors
    /// [`DraftError::States`] where hidden states are missing, [`DraftError::Token`], [`DraftError::Vision`].
    pub fn settle(&mut self, settled: &Settled<'_>) -> Result<(), DraftError> {
        let tokens = settled.tokens;
        let same = self.held.iter().zip(tokens).take_while(|(a, b)| a == b);
        let same = match self.form {
            Form::Standalone => same.count(),
            Form::Colocated => same.count().min(self.settled),
        };
        // The last word is run again where nothing is new, for its logits.
        let from = same.min(tokens.len().saturating_sub(1));
        let fresh = &tokens[from..];
        let states = match self.form {
            Form::Standalone => None,
            Form::Colocated => {
                let wanted = fresh.len() * self.words.width();
                let at = settled.states.len().checked_sub(wanted);
                Some(
                    at.map(|at| &settled.states[at..])
                        .ok_or(DraftError::States {
                            states: settled.states.len() / self.words.width(),
                            words: fresh.len(),
                        })?,
                )
            }
        };
        self.back(from)?;
        self.run(fresh, states)?;
        self.settled = tokens.len();
        Ok(())
    }

    /// Goes back to the first `words` words.
    pub(crate) fn back(&mut self, words: usize) -> Result<(), DraftError> {
        if words < self.held.len() {
            self.layers.keep(self.slot_positions.len() + words)?;
            self.held.truncate(words);
            self.settled = self.settled.min(words);
        }
        Ok(())
    }

    /// Runs over further words; beside the target with a hidden state of the place before each.
    pub(crate) fn run(&mut self, words: &[u32], states: Option<&[f32]>) -> Result<(), DraftError> {
        self.embeds.clear();
        for &word in words {
            self.words.append(word, &mut self.embeds)?;
        }
        let from = (self.text_from + self.held.len()) as i64;
        let positions = Positions::of_text(1, from, words.len());
        let rows = Rows {
            embeds: &self.embeds,
            states,
            are_words: true,
        };
        self.layers.feed(&rows, &positions)?;
        self.held.extend_from_slice(words);
        Ok(())
    }

    /// Words in the cache.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Logits after the last word.
    ///
    /// # Errors
    /// [`DraftError::Vision`] where there was none.
    pub fn logits(&self) -> Result<&[f32], DraftError> {
        self.layers.logits()
    }

    /// Its hidden state at the last word.
    ///
    /// # Errors
    /// [`DraftError::Vision`] where there was none.
    pub fn hidden_state(&self) -> Result<&[f32], DraftError> {
        self.layers.hidden_state()
    }

    /// Whether its layers run without an engine.
    #[must_use]
    pub fn is_native(&self) -> bool {
        matches!(self.layers, Layers::Native(_))
    }
}

//! The ways to draft that are compared.

use super::pace::Pace;
use super::{Bench, Figure};
use anyhow::Result;
use drafthorse_draft::{
    DraftError, Drafter, DrafterFolder, DrafterOptions, Form, Lookup, Proposer,
};

/// Words of the longest run that a lookup looks for.
const RUN: usize = 3;
/// Texts of earlier pictures that a lookup may know.
const EARLIER: usize = 100;

/// A way to draft.
pub(super) struct Way {
    pub(super) name: &'static str,
    kind: Kind,
}

enum Kind {
    /// What was said before: in the text itself, or also in so many texts before it.
    Lookup(usize),
    /// A drafter: its form, the rung of the ladder, its precision, and whether an engine runs its layers in any case.
    Drafter {
        form: Form,
        rung: Option<&'static str>,
        precision: Option<&'static str>,
        on_engine: bool,
    },
}

/// All of them, the ladder from its lowest rung.
pub(super) fn all() -> Vec<Way> {
    vec![
        Way {
            name: "prompt_lookup",
            kind: Kind::Lookup(0),
        },
        Way {
            name: "lookup_history",
            kind: Kind::Lookup(EARLIER),
        },
        beside("plain", Some("plain")),
        beside("compressed", Some("compressed")),
        beside("global", Some("global")),
        beside("target_data", None),
        Way {
            name: "quantised",
            kind: Kind::Drafter {
                form: Form::Colocated,
                rung: None,
                precision: Some("q4"),
                on_engine: true,
            },
        },
        Way {
            name: "on_engine",
            kind: Kind::Drafter {
                form: Form::Colocated,
                rung: None,
                precision: None,
                on_engine: true,
            },
        },
        alone("standalone", None),
        alone("no_vision", Some("no-vision")),
    ]
}

/// The forms whose drafted words are looked at one by one.
pub(super) fn forms() -> [Way; 2] {
    [beside("colocated", None), alone("standalone", None)]
}

fn beside(name: &'static str, rung: Option<&'static str>) -> Way {
    as_it_is(name, Form::Colocated, rung)
}

fn alone(name: &'static str, rung: Option<&'static str>) -> Way {
    as_it_is(name, Form::Standalone, rung)
}

fn as_it_is(name: &'static str, form: Form, rung: Option<&'static str>) -> Way {
    Way {
        name,
        kind: Kind::Drafter {
            form,
            rung,
            precision: None,
            on_engine: false,
        },
    }
}

impl Way {
    /// What drafts, where its graph is there.
    pub(super) fn open(&self, bench: &Bench<'_>) -> Result<Option<Box<dyn Proposer>>> {
        let options = match self.kind {
            Kind::Lookup(earlier) => return Ok(Some(Box::new(Lookup::new(RUN, earlier)))),
            Kind::Drafter {
                form,
                rung,
                precision,
                on_engine,
            } => DrafterOptions {
                form,
                rung: rung.map(str::to_owned),
                precision: precision.map(str::to_owned),
                threads: bench.threads,
                on_engine,
            },
        };
        let open = |folder: &DrafterFolder| {
            Drafter::open(folder, &bench.words, &bench.rules, bench.backend, &options)
        };
        let opened = match open(&bench.drafter) {
            Err(DraftError::Missing { .. }) => open(&bench.ladder),
            opened => opened,
        };
        match opened {
            Ok(drafter) => Ok(Some(Box::new(drafter))),
            Err(DraftError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The drafter's speed-up over those of lookups.
pub(super) fn against_lookup(paces: &[Pace]) -> Vec<Figure> {
    let speedup = |name: &str| {
        let found = paces.iter().find(|pace| pace.name == name);
        found.map(Pace::speedup)
    };
    let Some(ours) = speedup("target_data") else {
        return Vec::new();
    };
    let over = |lookup: &str| {
        let name = format!("speculate.over_{lookup}");
        speedup(lookup).map(|theirs| Figure::alone(&name, ours / theirs, "ratio"))
    };
    ["prompt_lookup", "lookup_history"]
        .into_iter()
        .filter_map(over)
        .collect()
}

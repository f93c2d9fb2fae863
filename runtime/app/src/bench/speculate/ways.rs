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
    /// A drafter: its form, the rung of the ladder, its precision.
    Drafter(Form, Option<&'static str>, Option<&'static str>),
}

/// All of them, the ladder from its lowest rung.
pub(super) fn all() -> Vec<Way> {
    let beside = |name, rung| Way {
        name,
        kind: Kind::Drafter(Form::Colocated, rung, None),
    };
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
            kind: Kind::Drafter(Form::Colocated, None, Some("q4")),
        },
        alone("standalone", None),
        alone("no_vision", Some("no-vision")),
    ]
}

/// The forms whose drafted words are looked at one by one.
pub(super) fn forms() -> [Way; 2] {
    let colocated = Way {
        name: "colocated",
        kind: Kind::Drafter(Form::Colocated, None, None),
    };
    [colocated, alone("standalone", None)]
}

fn alone(name: &'static str, rung: Option<&'static str>) -> Way {
    Way {
        name,
        kind: Kind::Drafter(Form::Standalone, rung, None),
    }
}

impl Way {
    /// What drafts, where its graph is there.
    pub(super) fn open(&self, bench: &Bench<'_>) -> Result<Option<Box<dyn Proposer>>> {
        let (form, rung, precision) = match self.kind {
            Kind::Lookup(earlier) => return Ok(Some(Box::new(Lookup::new(RUN, earlier)))),
            Kind::Drafter(form, rung, precision) => (form, rung, precision),
        };
        let options = DrafterOptions {
            form,
            rung: rung.map(str::to_owned),
            precision: precision.map(str::to_owned),
            threads: bench.threads,
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

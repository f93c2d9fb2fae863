//! A release takes the place of another, is watched, and stays or goes.

use crate::durable::{remove_durably, remove_folder, write_atomically};
use crate::error::ReleaseError;
use crate::health;
use crate::prune::prune;
use crate::restart::restart;
use crate::root::Root;
use crate::{assemble, chunks};
use std::fs;

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The release perceives and stays.
    Confirmed,
    /// It did not, and the one before it runs again.
    RolledBack {
        /// Why.
        why: String,
        /// The release that runs now.
        to: String,
        /// Whether that one perceives.
        perceives: Result<(), String>,
    },
    /// It did not perceive, and there is none to go back to.
    Unconfirmed {
        /// Why.
        why: String,
    },
}

/// Lets the service run an installed release and watches it; `say` is told each step. Whoever
/// called may go away meanwhile: the outcome does not depend on it.
///
/// # Errors
/// [`ReleaseError::NoSuchRelease`], [`ReleaseError::Damaged`], [`ReleaseError::Busy`], and what the
/// system reports. Nothing was changed then, or [`settle`] undoes it.
pub fn activate(root: &Root, id: &str, say: &mut dyn FnMut(&str)) -> Result<Outcome, ReleaseError> {
    let _lock = root.lock()?;
    try_release(root, id, say)
}

/// Goes back to the release before the confirmed one, and watches that in the same way.
///
/// # Errors
/// [`ReleaseError::NothingBefore`], and as [`activate`].
pub fn rollback(root: &Root, say: &mut dyn FnMut(&str)) -> Result<Outcome, ReleaseError> {
    let _lock = root.lock()?;
    let previous = root.previous();
    let id = previous.filter(|id| root.confirmed().as_ref() != Some(id));
    let id = id.ok_or(ReleaseError::NothingBefore)?;
    try_release(root, &id, say)
}

fn try_release(root: &Root, id: &str, say: &mut dyn FnMut(&str)) -> Result<Outcome, ReleaseError> {
    say(&format!("verifying {id}"));
    assemble::verify(root, id)?;
    let before = root.confirmed();
    let required = health::lanes_of(root, before.as_deref());
    write_atomically(&root.trial(), id.as_bytes())?;
    root.point("current", id)?;
    say(&format!("switched to {id}, restarting the service"));
    let perceives = restart(root)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            let seconds = root.deploy.health_s;
            say(&format!("waiting up to {seconds} s for perception"));
            health::wait(root, id, &required)
        });
    let Err(why) = perceives else {
        confirm(root, id)?;
        say(&format!("{id} perceives and is confirmed"));
        return Ok(Outcome::Confirmed);
    };
    let Some(to) = before else {
        remove_durably(&root.trial())?;
        return Ok(Outcome::Unconfirmed { why });
    };
    say(&format!("{why}; going back to {to}"));
    undo(root, &to, true)?;
    let perceives = health::wait(root, &to, &required);
    Ok(Outcome::RolledBack { why, to, perceives })
}

fn confirm(root: &Root, id: &str) -> Result<(), ReleaseError> {
    if let Some(former) = root.confirmed()
        && former != id
    {
        root.point("previous", &former)?;
    }
    root.point("confirmed", id)?;
    remove_durably(&root.trial())?;
    chunks::forget_others(root, None)?;
    // What verified the first release has done its work.
    remove_folder(&root.path().join("first"))?;
    prune(root)
}

fn undo(root: &Root, to: &str, restarting: bool) -> Result<(), ReleaseError> {
    root.point("current", to)?;
    if restarting {
        restart(root)?;
    }
    // Last: while it is there, whoever comes next does all of this again.
    remove_durably(&root.trial())
}

/// Undoes a trial that nobody watches any more, and gives the release that runs then; none where
/// there was nothing to undo. With `restarting` false the service is left alone: at boot it has not
/// been started yet.
///
/// # Errors
/// What the system reports; a failed restart too.
pub fn settle(root: &Root, restarting: bool) -> Result<Option<String>, ReleaseError> {
    let _lock = match root.lock() {
        Ok(lock) => lock,
        // Someone watches.
        Err(ReleaseError::Busy) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(to) = root.confirmed() else {
        // A first installation that broke off: there is nothing to go back to.
        remove_durably(&root.trial())?;
        return Ok(None);
    };
    if fs::symlink_metadata(root.trial()).is_err() && root.current().as_ref() == Some(&to) {
        return Ok(None);
    }
    undo(root, &to, restarting)?;
    Ok(Some(to))
}

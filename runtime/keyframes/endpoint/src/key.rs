//! The key of an endpoint: from an environment variable or a file, never from the command line, and never shown.

use reqwest::header::HeaderValue;
use std::fmt;
use std::path::{Path, PathBuf};

/// A key, which nothing prints.
#[derive(Clone)]
pub struct Key(pub(super) HeaderValue);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// A key that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no such variable.
    #[error("the environment variable {name} that is to hold the gate's key is not set")]
    Unset {
        /// Its name.
        name: String,
    },
    /// There is no such file.
    #[error("cannot read the gate's key from {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is nothing in it, or more than one line of plain letters, digits and signs.
    #[error("{place} holds no key: one line of letters, digits and signs is expected")]
    Malformed {
        /// Where it was looked for.
        place: String,
    },
}

impl Key {
    /// The key in an environment variable.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_variable(name: &str) -> Result<Self, KeyError> {
        let text = std::env::var(name).map_err(|_| KeyError::Unset {
            name: name.to_owned(),
        })?;
        Self::of(&text, || format!("the environment variable {name}"))
    }

    /// The key that is all of a file, but for the line's end.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let text = std::fs::read_to_string(path).map_err(|error| KeyError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        Self::of(&text, || path.display().to_string())
    }

    fn of(text: &str, place: impl Fn() -> String) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed { place: place() };
        let text = text.trim();
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(malformed());
        }
        let value = HeaderValue::from_str(&format!("Bearer {text}"));
        let mut value = value.map_err(|_| malformed())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word_and_is_not_shown() {
        let of = |text: &str| Key::of(text, || "here".to_owned());
        let shown = of("sk-secret\n").map(|key| format!("{key:?} {:?}", key.0));
        assert!(shown.is_ok_and(|shown| !shown.contains("secret")));
        for text in ["", " \n", "two words", "two\nlines", "sk-\u{e9}"] {
            assert!(
                matches!(of(text), Err(KeyError::Malformed { .. })),
                "{text:?}"
            );
        }
    }
}

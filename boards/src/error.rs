//! Why a profile was refused.

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// Not TOML, an unknown key, a missing key or a wrong type.
    #[error("the board profile is not valid: {0}; correct that key")]
    Syntax(#[from] toml::de::Error),
    /// A value that no board can have.
    #[error("board profile {board}: {key} {what}; correct the value")]
    Value {
        /// The profile's name.
        board: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// No such profile is shipped.
    #[error("there is no board profile named {name}; name one of: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The shipped profiles.
        known: String,
    },
}

/// What is wrong with a part of a profile: a key, and what it must be.
pub(crate) type Fault = (&'static str, &'static str);

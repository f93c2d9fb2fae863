//! Source URIs: the contract by which a configuration names its sensors and recordings.
//!
//! `SCHEME:TARGET[?KEY=VALUE[&KEY=VALUE...]]`. A `?` or `%` that belongs to the target is written
//! `%3F` or `%25`; `&` in an option value `%26`. Parsing checks everything that can be checked
//! without opening anything, so that a typing error is found before a run begins.

mod scheme;

pub use scheme::{Scheme, SourceKind};
pub(crate) use scheme::{output, pulses};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
    path::Path,
    str::FromStr,
};

/// A parsed source URI. Its `Display` parses back to an equal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceUri {
    scheme: Scheme,
    target: String,
    options: Vec<(String, String)>,
}

/// Why a source URI was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// There is no `SCHEME:` at the start.
    #[error("`{text}` is not a source URI: write SCHEME:TARGET with one of the schemes {}{}", Scheme::list(), hint(.text))]
    NoScheme {
        /// What was given.
        text: String,
    },
    /// The scheme is not one of ours.
    #[error("unknown source scheme `{scheme}`{}; the schemes are {}", suggestion(.scheme), Scheme::list())]
    UnknownScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The part after the colon is missing.
    #[error("`{scheme}:` names nothing: write {}", .scheme.form())]
    NoTarget {
        /// The scheme.
        scheme: Scheme,
    },
    /// The part after the colon has the wrong shape.
    #[error("`{target}` does not fit the scheme {scheme} ({why}): write {}", .scheme.form())]
    BadTarget {
        /// The scheme.
        scheme: Scheme,
        /// What was given.
        target: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An option this scheme does not have.
    #[error("the scheme {scheme} has no option `{key}`: write {}", .scheme.form())]
    UnknownOption {
        /// The scheme.
        scheme: Scheme,
        /// The option's name.
        key: String,
    },
    /// An option twice, or without a value.
    #[error("the option `{key}` must be given once, as {key}=VALUE")]
    MalformedOption {
        /// The option's name.
        key: String,
    },
    /// An option that cannot be left out.
    #[error("the scheme {scheme} needs the option `{key}`: write {}", .scheme.form())]
    MissingOption {
        /// The scheme.
        scheme: Scheme,
        /// The option's name.
        key: &'static str,
    },
    /// An option whose value is not what it must be.
    #[error("the option `{key}={value}` must be {must_be}")]
    BadOption {
        /// The option's name.
        key: String,
        /// Its value.
        value: String,
        /// What it must be.
        must_be: &'static str,
    },
}

fn suggestion(scheme: &str) -> String {
    Scheme::nearest(scheme).map_or_else(String::new, |s| format!(" (did you mean `{s}`?)"))
}

fn hint(text: &str) -> String {
    let scheme = match text
        .rsplit('.')
        .next()
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("mp4") => Scheme::Video,
        Some("mcap") => Scheme::Mcap,
        Some("pcap" | "pcapng") => Scheme::Ars548Pcap,
        Some("log") => Scheme::CanCandump,
        _ if text.starts_with("/dev/video") => Scheme::V4l2,
        _ if text.starts_with("/dev/tty") => Scheme::TiSerial,
        _ => return String::new(),
    };
    format!(" (for example `{scheme}:{text}`)")
}

impl SourceUri {
    /// Of a file, as it is named: nothing in the name is taken for an escape or an option.
    ///
    /// # Errors
    /// [`UriError`] where such a source has no such target or option.
    pub fn of_file(
        scheme: Scheme,
        path: &Path,
        options: &[(&str, &str)],
    ) -> Result<Self, UriError> {
        let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        let uri = Self {
            scheme,
            target: path.to_string_lossy().into_owned(),
            options: options.iter().map(own).collect(),
        };
        uri.check()?;
        Ok(uri)
    }

    /// What stands before the colon.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What stands between the colon and the options: a path, a device, an interface.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The target as a path; meaningful for files, folders and devices.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(&self.target)
    }

    /// Options in the order they were written.
    #[must_use]
    pub fn options(&self) -> &[(String, String)] {
        &self.options
    }

    /// The value of an option, if given.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&str> {
        let found = self.options.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of an option as a number, if given.
    ///
    /// # Errors
    /// [`UriError::BadOption`] where it is not such a number.
    pub fn number<T: FromStr>(&self, key: &str) -> Result<Option<T>, UriError> {
        let parse = |value: &str| {
            value.parse::<T>().map_err(|_| UriError::BadOption {
                key: key.to_owned(),
                value: value.to_owned(),
                must_be: "a number in its range",
            })
        };
        self.option(key).map(parse).transpose()
    }

    /// What kind of sensor it is.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        self.scheme.kind()
    }

    /// Whether messages come from a device as they happen, and not from a recording.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.scheme.is_live()
    }

    /// Group (or unicast address to bind) and port of an `ars548+udp:` source.
    #[must_use]
    pub fn endpoint(&self) -> Option<SocketAddr> {
        endpoint(&self.target)
    }

    /// This URI with a relative path taken as relative to `folder` (where the configuration
    /// file lies); devices, interfaces and addresses stay as they are.
    #[must_use]
    pub fn resolved(&self, folder: &Path) -> Self {
        let mut resolved = self.clone();
        if self.scheme.is_file() && self.path().is_relative() {
            resolved.target = folder.join(&self.target).to_string_lossy().into_owned();
        }
        for (key, value) in &mut resolved.options {
            let file = key == "map" && value.ends_with(".toml");
            if file && Path::new(value.as_str()).is_relative() {
                *value = folder.join(value.as_str()).to_string_lossy().into_owned();
            }
        }
        resolved
    }
}

fn endpoint(target: &str) -> Option<SocketAddr> {
    let (group, port) = target.rsplit_once(':')?;
    let group = group
        .strip_prefix('[')
        .map_or(group, |g| g.trim_end_matches(']'));
    Some(SocketAddr::new(
        group.parse::<IpAddr>().ok()?,
        port.parse().ok()?,
    ))
}

impl FromStr for SourceUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        let text = text.trim();
        let no_scheme = || UriError::NoScheme {
            text: text.to_owned(),
        };
        let (name, rest) = text.split_once(':').ok_or_else(no_scheme)?;
        if name.is_empty() || name.contains(['/', '\\', '.']) {
            return Err(no_scheme());
        }
        let scheme = Scheme::from_name(name).ok_or_else(|| UriError::UnknownScheme {
            scheme: name.to_owned(),
        })?;
        let (target, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self {
            scheme,
            target: unescape(target),
            options: Vec::new(),
        };
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key.is_empty() || value.is_empty() || uri.option(key).is_some() {
                return Err(UriError::MalformedOption {
                    key: key.to_owned(),
                });
            }
            uri.options.push((key.to_owned(), unescape(value)));
        }
        uri.check()?;
        Ok(uri)
    }
}

impl SourceUri {
    fn check(&self) -> Result<(), UriError> {
        let scheme = self.scheme;
        let bad_target = |why| UriError::BadTarget {
            scheme,
            target: self.target.clone(),
            why,
        };
        if self.target.is_empty() && scheme != Scheme::Synth {
            return Err(UriError::NoTarget { scheme });
        }
        if scheme == Scheme::Synth && !self.target.is_empty() {
            return Err(bad_target("it takes options only"));
        }
        if scheme == Scheme::Ars548Udp && self.endpoint().is_none() {
            return Err(bad_target("it is not an address and a port"));
        }
        if scheme == Scheme::CanSocket && !(1..=15).contains(&self.target.len()) {
            return Err(bad_target("an interface name has 1 to 15 characters"));
        }
        for (key, value) in &self.options {
            let Some(must_be) = scheme.option_rule(key) else {
                return Err(UriError::UnknownOption {
                    scheme,
                    key: key.clone(),
                });
            };
            if !must_be.accepts(value) {
                return Err(UriError::BadOption {
                    key: key.clone(),
                    value: value.clone(),
                    must_be: must_be.words(),
                });
            }
        }
        match scheme.required_option() {
            Some(key) if self.option(key).is_none() => Err(UriError::MissingOption { scheme, key }),
            _ => Ok(()),
        }
    }
}

fn unescape(text: &str) -> String {
    text.replace("%3F", "?")
        .replace("%26", "&")
        .replace("%25", "%")
}

fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('?', "%3F")
        .replace('&', "%26")
}

impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, escape(&self.target))?;
        for (i, (key, value)) in self.options.iter().enumerate() {
            let mark = if i == 0 { '?' } else { '&' };
            write!(f, "{mark}{key}={}", escape(value))?;
        }
        Ok(())
    }
}

impl Serialize for SourceUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourceUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for SourceUri {
    fn schema_name() -> Cow<'static, str> {
        "SourceUri".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let forms: Vec<&str> = Scheme::ALL.iter().map(|s| s.form()).collect();
        let names: Vec<String> = Scheme::ALL
            .iter()
            .map(|s| s.name().replace('+', "\\+"))
            .collect();
        json_schema!({
            "type": "string",
            "description": format!("Where messages come from, one of {}.", forms.join(", ")),
            "pattern": format!("^({}):", names.join("|")),
        })
    }
}

//! Where chat completions are asked for.

use url::{Host, Url};

const PATH: &str = "/chat/completions";

/// The address of chat completions below a base as people give it: `http://HOST:PORT`, the same with
/// `/v1`, or all of it.
pub(super) fn address(base: &str) -> Result<Url, String> {
    let mut url = Url::parse(base).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("it begins with {}:", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or fragment".to_owned());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let whole = match path {
        path if path.ends_with(PATH) => path,
        path if path.ends_with("/v1") => path + PATH,
        path => path + "/v1" + PATH,
    };
    url.set_path(&whole);
    Ok(url)
}

/// Whether what is sent there can be read by nobody else: it is encrypted, or stays on this machine.
pub(super) fn is_private(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_with_or_without_its_path_means_the_same_place() {
        for base in [
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/",
            "http://127.0.0.1:8000/v1/",
            "http://127.0.0.1:8000/v1/chat/completions",
        ] {
            let whole = address(base).map(String::from);
            assert_eq!(
                whole.as_deref(),
                Ok("http://127.0.0.1:8000/v1/chat/completions")
            );
        }
        for wrong in [
            "127.0.0.1",
            "ftp://host",
            "https://me:secret@host",
            "https://host/?key=secret",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_may_go_over_tls_or_nowhere() {
        let is_private = |base: &str| address(base).map(|url| super::is_private(&url));
        for base in [
            "https://host",
            "http://localhost:1",
            "http://[::1]:1",
            "http://127.0.0.9",
        ] {
            assert_eq!(is_private(base), Ok(true), "{base}");
        }
        for base in ["http://host", "http://192.168.1.7:8000"] {
            assert_eq!(is_private(base), Ok(false), "{base}");
        }
    }
}

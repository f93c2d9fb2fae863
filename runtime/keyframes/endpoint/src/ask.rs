//! Asking, within a time and a size.

use crate::address::{address, is_private};
use crate::answer::{read, task};
use crate::key::Key;
use drafthorse_keyframes::query::{Gating, Query, Things};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use std::time::Duration;
use url::Url;

/// Most bytes of an answer that are read.
const LARGEST: usize = 256 << 10;

/// An endpoint that cannot be asked as it was given.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is none.
    #[error(
        "the gate's endpoint {url:?} cannot be asked: {why}; give http(s)://HOST[:PORT] or the same with /v1"
    )]
    Address {
        /// As it was given.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// A key would be sent in the open.
    #[error(
        "the gate's key would go to {url} unencrypted; use https, or an endpoint on this machine, or leave the key out"
    )]
    OpenKey {
        /// Where.
        url: Url,
    },
}

/// Why no gating came of asking.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It did not answer within the time.
    #[error("the gate at {url} did not answer within {seconds} s")]
    Late {
        /// Where.
        url: Url,
        /// The time.
        seconds: f64,
    },
    /// It could not be reached, or broke off.
    #[error("the gate at {url} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        url: Url,
        /// What the connection says.
        why: String,
    },
    /// It refuses.
    #[error("the gate at {url} answers {status}{hint}")]
    Refused {
        /// Where.
        url: Url,
        /// Its status.
        status: StatusCode,
        /// What may be done about it.
        hint: &'static str,
    },
    /// It answers something else than was asked for.
    #[error("the gate at {url} cannot be used: {why}")]
    Answer {
        /// Where.
        url: Url,
        /// What is wrong with it.
        why: String,
    },
}

/// A language model behind an OpenAI-compatible endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    url: Url,
    model: String,
    key: Option<Key>,
    timeout: Duration,
}

impl Endpoint {
    /// The model of that name at `http(s)://HOST[:PORT][/v1[/chat/completions]]`, which is given so much time for all
    /// of an answer.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn new(
        base: &str,
        model: &str,
        key: Option<Key>,
        timeout: Duration,
    ) -> Result<Self, EndpointError> {
        let url = address(base).map_err(|why| EndpointError::Address {
            url: base.to_owned(),
            why,
        })?;
        if key.is_some() && !is_private(&url) {
            return Err(EndpointError::OpenKey { url });
        }
        Ok(Self {
            url,
            model: model.to_owned(),
            key,
            timeout,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Asks how a query is shared out, where a detector finds these things. Redirects and proxies are not
    /// followed.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn ask(&self, query: &Query, things: &Things) -> Result<Gating, AskError> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build();
        let runtime = runtime.map_err(|error| self.unreachable(&error))?;
        let body = runtime.block_on(async {
            let answered = tokio::time::timeout(self.timeout, self.answer(query, things)).await;
            answered.unwrap_or_else(|_| {
                Err(AskError::Late {
                    url: self.url.clone(),
                    seconds: self.timeout.as_secs_f64(),
                })
            })
        })?;
        read(&body, things).map_err(|why| self.wrong(why))
    }

    async fn answer(&self, query: &Query, things: &Things) -> Result<Vec<u8>, AskError> {
        // Another part of the program may have chosen one already, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).no_proxy();
        let client = client.build().map_err(|error| self.broken(error))?;
        let asked = serde_json::json!({
            "model": self.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": task(things)},
                {"role": "user", "content": query.text},
            ],
        });
        let mut request = client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(asked.to_string());
        if let Some(Key(value)) = &self.key {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| self.broken(error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(AskError::Refused {
                url: self.url.clone(),
                status,
                hint: hint(status),
            });
        }
        self.body(response).await
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, AskError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(error))? {
            body.extend_from_slice(&piece);
            if body.len() > LARGEST {
                return Err(self.wrong(format!("its answer is larger than {LARGEST} bytes")));
            }
        }
        Ok(body)
    }

    fn broken(&self, error: reqwest::Error) -> AskError {
        self.unreachable(&error.without_url())
    }

    /// With every cause, of which the last says most.
    fn unreachable(&self, error: &dyn std::error::Error) -> AskError {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        AskError::Unreachable {
            url: self.url.clone(),
            why: causes.join(": "),
        }
    }

    fn wrong(&self, why: String) -> AskError {
        AskError::Answer {
            url: self.url.clone(),
            why,
        }
    }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; is the key right?",
        StatusCode::NOT_FOUND => "; are the address and the model's name right?",
        StatusCode::TOO_MANY_REQUESTS => "; it is asked too often",
        _ => "",
    }
}

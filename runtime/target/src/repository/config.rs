//! `config.pbtxt`: how Triton batches, queues and sheds.

use super::RepositoryError;
use drafthorse_protocol::{
    GENERATE_INPUTS, GENERATE_OUTPUTS, TensorSpecification, VERIFY_INPUTS, VERIFY_MODEL,
    VERIFY_OUTPUTS,
};
use std::fmt::Write as _;
use std::time::Duration;

/// How a model is served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RepositoryOptions {
    /// Blocks that are answered together at most; 1 for no batching.
    pub max_batch: usize,
    /// How long a block waits for others to join it.
    pub queue_delay: Duration,
    /// Blocks that wait at most: what comes then is refused at once (`UNAVAILABLE`).
    pub queue: usize,
    /// How long a block waits at most; then it is refused. A request's parameter `timeout` (us) makes it shorter.
    pub queue_timeout: Duration,
    /// Threads of one run.
    pub threads: usize,
    /// The least time that a decoding run takes: a stand-in for a target of real size.
    pub pace: Duration,
}

impl Default for RepositoryOptions {
    fn default() -> Self {
        Self {
            max_batch: 32,
            queue_delay: Duration::from_millis(4),
            queue: 64,
            queue_timeout: Duration::from_secs(2),
            threads: 1,
            pace: Duration::ZERO,
        }
    }
}

impl RepositoryOptions {
    pub(super) fn check(&self) -> Result<(), RepositoryError> {
        let wrong = if self.max_batch == 0 || self.max_batch > 1024 {
            "a batch has 1 to 1024 blocks"
        } else if self.queue < self.max_batch {
            "a queue shorter than a batch never fills one"
        } else if self.queue_timeout <= self.queue_delay {
            "blocks would be refused before they are batched: the queue's timeout has to be longer than its delay"
        } else if self.threads == 0 {
            "a run needs a thread"
        } else {
            return Ok(());
        };
        Err(RepositoryError::Options(wrong))
    }
}

/// The file of a model.
pub(super) fn text(model: &str, options: &RepositoryOptions) -> String {
    let (inputs, outputs): (&[_], &[_]) = match model == VERIFY_MODEL {
        true => (&VERIFY_INPUTS, &VERIFY_OUTPUTS),
        false => (&GENERATE_INPUTS, &GENERATE_OUTPUTS),
    };
    let mut text = format!(
        "name: \"{model}\"\nbackend: \"python\"\nmax_batch_size: {}\n\n",
        options.max_batch
    );
    // Blocks of different lengths batch together; the backend pads them itself.
    list(&mut text, "input", inputs, "    allow_ragged_batch: true\n");
    list(&mut text, "output", outputs, "");
    batching(&mut text, options);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\
# The same block asked again is answered from memory where the server has one: tritonserver --cache-config
# local,size=BYTES. Without it a retry is computed anew.
response_cache {{ enable: true }}

instance_group [ {{ kind: KIND_AUTO count: 1 }} ]
parameters {{ key: \"threads\" value {{ string_value: \"{}\" }} }}
# The least time of a decoding run, a stand-in for a target of real size: 0 for none.
parameters {{ key: \"pace_ms\" value {{ string_value: \"{}\" }} }}
",
        options.threads,
        options.pace.as_secs_f64() * 1e3
    );
    text
}

fn list(text: &mut String, what: &str, tensors: &[TensorSpecification], more: &str) {
    for tensor in tensors {
        let _ = write!(
            text,
            "{what} {{\n    name: \"{}\"\n    data_type: {}\n    dims: [ {} ]\n{more}}}\n",
            tensor.name,
            data_type(tensor.datatype),
            tensor.length
        );
    }
    text.push('\n');
}

/// Triton's configuration names bytes differently than the protocol.
fn data_type(datatype: &str) -> String {
    match datatype {
        "BYTES" => "TYPE_STRING".to_owned(),
        other => format!("TYPE_{other}"),
    }
}

fn batching(text: &mut String, options: &RepositoryOptions) {
    // Halves of the largest batch: what is worth to begin with at once.
    let halves = std::iter::successors(Some(options.max_batch), |&size| Some(size / 2));
    let mut sizes: Vec<String> = halves
        .take_while(|&size| size > 1)
        .take(3)
        .map(|size| size.to_string())
        .collect();
    sizes.reverse();
    let preferred = match sizes.is_empty() {
        true => String::new(),
        false => format!("    preferred_batch_size: [ {} ]\n", sizes.join(", ")),
    };
    let delay = if options.max_batch > 1 {
        options.queue_delay
    } else {
        Duration::ZERO
    };
    let _ = write!(
        text,
        "\
dynamic_batching {{
{preferred}    max_queue_delay_microseconds: {}
    # Who waited too long is refused, and so is who finds the queue full: vehicles back off and spool.
    default_queue_policy {{
        timeout_action: REJECT
        default_timeout_microseconds: {}
        allow_timeout_override: true
        max_queue_size: {}
    }}
}}

",
        delay.as_micros(),
        options.queue_timeout.as_micros(),
        options.queue
    );
}

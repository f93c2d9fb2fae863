//! Verdicts that were given, for those who ask again.

use drafthorse_protocol::Verdict;
use drafthorse_protocol::inference::ModelInferRequest;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The same question: model, block id (it is among the tensors) and everything else that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    pub(crate) fn of(message: &ModelInferRequest) -> Self {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(message.model_name.as_bytes());
        for input in &message.inputs {
            add(input.name.as_bytes());
        }
        for raw in &message.raw_input_contents {
            add(raw);
        }
        Self(hash.finalize().into())
    }
}

/// The latest verdicts, so many at most: the oldest goes.
pub(crate) struct Answers {
    most: usize,
    known: HashMap<Question, Arc<Verdict>>,
    order: VecDeque<Question>,
}

impl Answers {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            known: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn get(&self, question: &Question) -> Option<Arc<Verdict>> {
        self.known.get(question).map(Arc::clone)
    }

    pub(crate) fn put(&mut self, question: Question, verdict: Arc<Verdict>) {
        if self.most == 0 || self.known.insert(question, verdict).is_some() {
            return;
        }
        self.order.push_back(question);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(raw: &'static [&'static [u8]]) -> Question {
        Question::of(&ModelInferRequest {
            raw_input_contents: raw.iter().map(|&raw| raw.into()).collect(),
            ..Default::default()
        })
    }

    #[test]
    fn the_latest_are_kept_and_no_other_question_gets_their_answer() {
        let mut answers = Answers::new(2);
        let verdict = Arc::new(Verdict::default());
        let questions = [
            question(&[b"ab", b"c"]),
            question(&[b"a", b"bc"]),
            question(&[b"abc"]),
        ];
        for (count, &question) in questions.iter().enumerate() {
            assert!(answers.get(&question).is_none(), "{count}");
            answers.put(question, Arc::clone(&verdict));
        }
        let known = questions.map(|question| answers.get(&question).is_some());
        assert_eq!(known, [false, true, true]);
        assert_eq!((answers.known.len(), answers.order.len()), (2, 2));
    }
}

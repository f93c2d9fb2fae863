//! Verdicts that were given, for those who ask again.

use super::work::Ask;
use drafthorse_protocol::Verdict;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The same question: model, block id (it is among the tensors) and everything else that was said, whatever form the
/// message's contents had and in whatever order they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    pub(crate) fn of(ask: &Ask) -> Self {
        let message = match ask {
            Ask::Verify(request) => request.to_message(),
            Ask::Generate(request) => request.to_message(),
        };
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(message.model_name.as_bytes());
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
    use drafthorse_protocol::{
        BlockId, Code, Draft, Frame, GenerateRequest, Kept, Scene, VerifyRequest,
    };

    fn scene(kept: Kept, tokens: &'static [u8]) -> Scene {
        Scene {
            block: BlockId::new("b").unwrap(),
            prompt: vec![1, 2],
            code: Code::Int8,
            frames: vec![Frame {
                kept,
                tokens: tokens.into(),
            }],
        }
    }

    fn verify(scene: &Scene, words: &[u16]) -> Question {
        let draft = Draft {
            tokens: words.to_vec(),
            confidence: vec![0; words.len()],
        };
        Question::of(&Ask::Verify(VerifyRequest {
            scene: scene.clone(),
            drafts: vec![draft],
        }))
    }

    #[test]
    fn whatever_differs_makes_another_question() {
        let one = scene(Kept::all(8), b"ab");
        let mut other = one.clone();
        other.block = BlockId::new("c").unwrap();
        let questions = [
            verify(&one, &[3]),
            verify(&one, &[4]),
            verify(&other, &[3]),
            Question::of(&Ask::Generate(GenerateRequest { scene: one.clone() })),
            // The same bytes, parted elsewhere.
            verify(&scene(Kept::all(16), b"a"), &[3]),
            verify(&scene(Kept::all(8), b"\xffa"), &[3]),
        ];
        let distinct: std::collections::HashSet<_> = questions.iter().collect();
        assert_eq!(distinct.len(), questions.len());
        assert_eq!(questions[0], verify(&one, &[3]));
    }

    #[test]
    fn the_latest_are_kept() {
        let mut answers = Answers::new(2);
        let verdict = Arc::new(Verdict::default());
        let scene = scene(Kept::all(8), b"ab");
        let questions = [1, 2, 3].map(|word| verify(&scene, &[word]));
        for (count, &question) in questions.iter().enumerate() {
            assert!(answers.get(&question).is_none(), "{count}");
            answers.put(question, Arc::clone(&verdict));
        }
        let known = questions.map(|question| answers.get(&question).is_some());
        assert_eq!(known, [false, true, true]);
        assert_eq!((answers.known.len(), answers.order.len()), (2, 2));
    }
}

//! Drafts: words that may follow what was said.

use crate::distribution::Distribution;
use std::cmp::Ordering;

/// A tree of tokens; a chain is one whose tokens have one child each. A token stands behind the one that it
/// follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Tokens.
    pub tokens: Vec<u32>,
    /// Which each follows; none where it follows what was said.
    pub parents: Vec<Option<usize>>,
    /// Natural logarithm of the probability that the drafter gives to each, and to all those above it.
    pub log_probabilities: Vec<f32>,
    /// What each token was drawn from; empty where they were not drawn.
    pub drawn_from: Vec<Distribution>,
}

impl Draft {
    /// A chain of tokens that were chosen and not drawn, of unknown probability.
    #[must_use]
    pub fn chain(tokens: &[u32]) -> Self {
        Self {
            tokens: tokens.to_vec(),
            parents: (0..tokens.len()).map(|at| at.checked_sub(1)).collect(),
            log_probabilities: vec![0.0; tokens.len()],
            drawn_from: Vec::new(),
        }
    }

    /// Tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing was drafted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Whether each token follows the one before.
    #[must_use]
    pub fn is_chain(&self) -> bool {
        let mut parents = self.parents.iter().enumerate();
        parents.all(|(at, parent)| *parent == at.checked_sub(1))
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        self.tokens.clear();
        self.parents.clear();
        self.log_probabilities.clear();
        self.drawn_from.clear();
    }

    /// Adds a token behind `parent`, whose probability after what is above it is given; its index comes back.
    pub fn push(&mut self, token: u32, parent: Option<usize>, log_probability: f32) -> usize {
        let above = parent.map_or(0.0, |parent| self.log_probabilities[parent]);
        self.tokens.push(token);
        self.parents.push(parent);
        self.log_probabilities.push(above + log_probability);
        self.tokens.len() - 1
    }

    /// What follows a token, or what was said: the likeliest as the drafter has it first.
    pub fn children(&self, parent: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        let from = parent.map_or(0, |parent| parent + 1);
        (from..self.len()).filter(move |&at| self.parents[at] == parent)
    }

    /// The tokens from what was said to this one, by their indices, which replace those in `path`.
    pub fn path(&self, to: Option<usize>, path: &mut Vec<usize>) {
        path.clear();
        path.extend(std::iter::successors(to, |&at| self.parents[at]));
        path.reverse();
    }

    /// Keeps the `total` likeliest tokens, each judged with all those above it (the re-rank of EAGLE-2,
    /// Li et al. 2024). What is above a token is never less likely, so that a tree remains.
    pub fn rerank(&mut self, total: usize) {
        if self.len() <= total || !self.drawn_from.is_empty() {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|&a, &b| {
            let [a_p, b_p] = [a, b].map(|at| self.log_probabilities[at]);
            b_p.partial_cmp(&a_p)
                .unwrap_or(Ordering::Equal)
                .then(a.cmp(&b))
        });
        order.truncate(total);
        order.sort_unstable();
        let place = |old: usize| order.binary_search(&old).ok();
        *self = Self {
            tokens: order.iter().map(|&at| self.tokens[at]).collect(),
            parents: order
                .iter()
                .map(|&at| self.parents[at].and_then(place))
                .collect(),
            log_probabilities: order.iter().map(|&at| self.log_probabilities[at]).collect(),
            drawn_from: Vec::new(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_tokens_stay_and_remain_a_tree() {
        let mut draft = Draft::default();
        let a = draft.push(1, None, -0.1);
        let b = draft.push(2, None, -3.0);
        let c = draft.push(3, Some(a), -0.5);
        draft.push(4, Some(b), -0.1);
        let d = draft.push(5, Some(c), -0.2);
        draft.push(6, Some(c), -2.0);
        assert_eq!(draft.children(Some(c)).collect::<Vec<_>>(), [d, 5]);
        let mut path = Vec::new();
        draft.path(Some(d), &mut path);
        assert_eq!(path, [a, c, d]);
        assert!(!draft.is_chain());
        draft.rerank(3);
        assert_eq!(draft.tokens, [1, 3, 5]);
        assert_eq!(draft.parents, [None, Some(0), Some(1)]);
        assert!(draft.is_chain() && (draft.log_probabilities[2] + 0.8).abs() < 1e-6);
    }
}

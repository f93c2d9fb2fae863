//! Greedy decoding: which token comes next.

/// The tokens that would end a run of `size` tokens that was said before
/// (`no_repeat_ngram_size` of a model's generation_config.json).
#[must_use]
pub fn repeated(said: &[u32], size: usize) -> Vec<u32> {
    let Some(last) = size
        .checked_sub(1)
        .and_then(|count| said.len().checked_sub(count))
        .map(|from| &said[from..])
    else {
        return Vec::new();
    };
    let runs = said.windows(size).filter(|run| run.starts_with(last));
    runs.map(|run| run[size - 1]).collect()
}

/// The first of the greatest logits but for those of `barred` tokens, and the natural logarithm of its
/// probability among all.
#[must_use]
pub fn likeliest(logits: &[f32], barred: &[u32]) -> (u32, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 && !barred.contains(&id) {
            best = (id, logit);
        }
    }
    let others: f64 = logits
        .iter()
        .map(|&logit| f64::from(logit - best.1).exp())
        .sum();
    (best.0, -others.ln() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_repeat_a_run_is_barred() {
        assert_eq!(repeated(&[1, 2, 3, 4, 1, 2], 3), [3]);
        assert_eq!(repeated(&[1, 2, 3, 1, 2, 4, 1, 2], 3), [3, 4]);
        assert_eq!(repeated(&[1, 2, 3], 4), [0; 0]);
        assert_eq!(repeated(&[7, 7], 1), [7, 7]);
        assert_eq!(repeated(&[1, 2, 3, 4, 1, 2], 0), [0; 0]);
        let (id, log) = likeliest(&[0.0, 2.0, 1.0], &[1]);
        assert_eq!(id, 2);
        let others = 1.0 + f64::from(-1.0_f32).exp() + f64::from(1.0_f32).exp();
        assert!((f64::from(log) + others.ln()).abs() < 1e-6);
    }
}

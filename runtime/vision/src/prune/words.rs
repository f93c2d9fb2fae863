//! Words of an instruction that name nothing in a picture.

/// Words whose attention is not counted: articles, pronouns, auxiliaries, prepositions, question words,
/// what questions say of looking, and what prompts call who answers. After NAP, whose list a language model wrote
/// (reconstruction).
const FUNCTION_WORDS: [&str; 69] = [
    "a",
    "an",
    "and",
    "any",
    "are",
    "as",
    "assistant",
    "at",
    "be",
    "been",
    "by",
    "can",
    "closest",
    "could",
    "did",
    "do",
    "does",
    "for",
    "from",
    "had",
    "has",
    "have",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "many",
    "me",
    "much",
    "my",
    "nearest",
    "of",
    "on",
    "or",
    "our",
    "picture",
    "see",
    "seen",
    "show",
    "shows",
    "some",
    "than",
    "that",
    "the",
    "their",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "us",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "will",
    "with",
    "would",
    "you",
    "your",
];

/// Whether a word's attention counts. Marks and a tokenizer's own words (`<answer>`) do not.
#[must_use]
pub fn is_content(word: &str) -> bool {
    let word = word.to_lowercase();
    let named = word
        .chars()
        .all(|c| c.is_alphanumeric() || c == '-' || c == '\'');
    named && word.chars().any(char::is_alphanumeric) && !FUNCTION_WORDS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_left_with_what_it_is_about() {
        for (question, about) in [
            ("what is the weather ?", vec!["weather"]),
            ("how many cars are there ? <answer>", vec!["cars"]),
            (
                "is the traffic light red or green ?",
                vec!["traffic", "light", "red", "green"],
            ),
            (
                "how far away is the closest Truck ?",
                vec!["far", "away", "Truck"],
            ),
        ] {
            let words: Vec<&str> = question.split(' ').filter(|w| is_content(w)).collect();
            assert_eq!(words, about);
        }
        assert!(!is_content(""));
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(FUNCTION_WORDS.is_sorted());
    }
}

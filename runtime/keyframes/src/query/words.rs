//! A text as words.

/// The words of a text in lower case; whatever is neither letter nor digit parts them.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// A word without the commonest English endings: `braking`, `brakes` and `braked` become `brak`.
pub(super) fn stem(word: &str) -> &str {
    const ENDINGS: [&str; 7] = ["ings", "ing", "ies", "ed", "es", "s", "e"];
    let shorter = |ending: &&str| word.strip_suffix(ending).filter(|rest| rest.len() > 2);
    ENDINGS.iter().find_map(shorter).unwrap_or(word)
}

/// Words that say nothing of a moment.
pub(super) fn is_filler(word: &str) -> bool {
    const FILLERS: [&str; 66] = [
        "a", "an", "the", "of", "in", "on", "at", "to", "by", "is", "are", "was", "were", "be",
        "it", "its", "and", "or", "with", "while", "when", "where", "that", "which", "who",
        "there", "this", "we", "us", "our", "me", "my", "i", "you", "find", "show", "give", "get",
        "search", "look", "for", "from", "as", "has", "have", "had", "some", "any", "one", "all",
        "during", "moment", "moments", "time", "times", "scene", "scenes", "picture", "pictures",
        "frame", "frames", "please", "here", "very", "s", "t",
    ];
    FILLERS.contains(&word)
}

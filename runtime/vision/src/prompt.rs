//! Prompts: the words around pictures, and a place for each of their tokens.

use crate::config::Architecture;
use crate::encoder::PictureTokens;
use crate::layout::{Layout, Tile};
use crate::positions::Positions;
use std::fmt::Write as _;

/// What is asked where nothing is.
const DESCRIBE: &str = "Describe this image.";

/// A sequence that an answer follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Token ids; where a picture's token comes, the placeholder's.
    pub ids: Vec<u32>,
    /// Position of each.
    pub positions: Positions,
    /// Where the pictures' tokens come, in their order.
    pub slots: Vec<usize>,
    /// Position of the answer's first word.
    pub next: i64,
}

impl Prompt {
    /// Of all token ids, with a placeholder for each token of the whole pictures. Those that were pruned
    /// are left out; all others have the position that they have where nothing is pruned.
    ///
    /// # Errors
    /// How many placeholders there are and how many there should be.
    pub(crate) fn new(
        ids: &[u32],
        placeholder: u32,
        axes: usize,
        pictures: &[&PictureTokens],
    ) -> Result<Self, [usize; 2]> {
        let wanted = pictures.iter().map(|picture| picture.layout.tokens()).sum();
        let found = ids.iter().filter(|&&id| id == placeholder).count();
        if found != wanted {
            return Err([found, wanted]);
        }
        let mut prompt = Self {
            ids: Vec::with_capacity(ids.len()),
            positions: Positions::new(axes),
            slots: Vec::with_capacity(wanted),
            next: 0,
        };
        let mut tokens = pictures.iter().flat_map(|picture| picture_tokens(picture));
        // Where the picture at hand begins, on axes of its own.
        let mut corner = 0;
        for &id in ids {
            let token = match id == placeholder {
                true => tokens.next(),
                false => None,
            };
            let Some(token) = token else {
                prompt.positions.push(&[prompt.next; 3][..axes]);
                prompt.ids.push(id);
                prompt.next += 1;
                continue;
            };
            if token.first {
                corner = prompt.next;
            }
            if token.kept {
                let [row, column] = token.at;
                match axes {
                    1 => prompt.positions.push(&[prompt.next]),
                    _ => prompt
                        .positions
                        .push(&[corner, corner + row, corner + column]),
                }
                prompt.slots.push(prompt.ids.len());
                prompt.ids.push(id);
            }
            match axes {
                1 => prompt.next += 1,
                // Text goes on behind the longer side.
                _ => prompt.next = prompt.next.max(corner + token.at[0].max(token.at[1]) + 1),
            }
        }
        Ok(prompt)
    }
}

struct Token {
    /// Whether it is its picture's first.
    first: bool,
    kept: bool,
    /// Row and column.
    at: [i64; 2],
}

fn picture_tokens(picture: &PictureTokens) -> impl Iterator<Item = Token> + '_ {
    let mut kept = picture.kept.iter().copied().peekable();
    picture
        .layout
        .places()
        .enumerate()
        .map(move |(index, place)| Token {
            first: index == 0,
            kept: kept.next_if_eq(&index).is_some(),
            at: [place.row as i64, place.column as i64],
        })
}

/// Tokens that prompts are made of, the placeholder first.
pub(crate) fn marks(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Idefics3 => &[
            "<image>",
            "<|im_start|>",
            "<end_of_utterance>",
            "<fake_token_around_image>",
            "<global-img>",
        ],
        Architecture::Qwen2Vl => &[
            "<|image_pad|>",
            "<|im_start|>",
            "<|im_end|>",
            "<|vision_start|>",
            "<|vision_end|>",
        ],
        Architecture::Scene => &["<image>", "<caption>", "<answer>"],
    }
}

/// The words of a prompt as the kind of model was taught them, placeholders among them.
pub(crate) fn words(
    architecture: Architecture,
    layouts: &[&Layout],
    question: Option<&str>,
) -> String {
    match architecture {
        Architecture::Idefics3 => {
            let pictures: String = layouts.iter().map(|layout| tiles(layout)).collect();
            let question = question.unwrap_or(DESCRIBE);
            let space = if layouts.is_empty() { " " } else { "" };
            format!("<|im_start|>User:{space}{pictures}{question}<end_of_utterance>\nAssistant:")
        }
        Architecture::Qwen2Vl => {
            let picture = |layout: &&Layout| {
                let pads = "<|image_pad|>".repeat(layout.tokens());
                format!("<|vision_start|>{pads}<|vision_end|>")
            };
            let pictures: String = layouts.iter().map(picture).collect();
            let question = question.unwrap_or(DESCRIBE);
            format!(
                "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{pictures}{question}<|im_end|>\n<|im_start|>assistant\n"
            )
        }
        Architecture::Scene => {
            let tokens: usize = layouts.iter().map(|layout| layout.tokens()).sum();
            let pictures = "<image>".repeat(tokens);
            match question {
                None => format!("{pictures} <caption>"),
                Some(question) => format!("{pictures} {} <answer>", scene_words(question)),
            }
        }
    }
}

/// A text as the scene model knows it: lower-case words, and marks as words of their own.
pub(crate) fn scene_words(text: &str) -> String {
    text.to_lowercase().replace('?', " ? ")
}

/// A picture of Idefics3: its parts by row and column, a line a row, then the thumbnail.
fn tiles(layout: &Layout) -> String {
    let mut text = String::new();
    if let Some([_, columns]) = layout.split {
        for (index, tile) in layout
            .tiles
            .iter()
            .filter(|tile| !tile.thumbnail)
            .enumerate()
        {
            let (row, column) = (index / columns + 1, index % columns + 1);
            // Writing to a string does not fail.
            let _ = write!(text, "<fake_token_around_image><row_{row}_col_{column}>");
            text.push_str(&"<image>".repeat(tile.tokens()));
            if column == columns {
                text.push('\n');
            }
        }
        text.push('\n');
    }
    let whole = layout.tiles.last().map_or(0, Tile::tokens);
    text.push_str("<fake_token_around_image><global-img>");
    text.push_str(&"<image>".repeat(whole));
    text.push_str("<fake_token_around_image>");
    text
}

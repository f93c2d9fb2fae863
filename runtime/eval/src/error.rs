//! What evaluation refuses.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why labels or detections could not be read, written or evaluated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file or folder does not open.
    #[error("{}: cannot be read ({source}); check the path", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written ({source}); check the folder and its free space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a text file.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// A calibration file lacks a matrix.
    #[error("{}: has no line `{name}:` with {count} numbers; give the dataset's calibration file", path.display())]
    Calibration {
        /// The file.
        path: PathBuf,
        /// The matrix.
        name: &'static str,
        /// Its numbers.
        count: usize,
    },
    /// A training shard is not as its format says.
    #[error("{}: is no training shard of this version: {problem}; write it again with drafthorse-shards", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder holds nothing to read.
    #[error("{}: holds no .{extension} file; check the folder", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        extension: &'static str,
    },
    /// Two scenes have one name.
    #[error("scene {scene} stands there twice; scene names must be unique")]
    DuplicateScene {
        /// Its name.
        scene: String,
    },
    /// A labelled scene has no answer.
    #[error(
        "scene {scene} has labels but no answer of the detector; add it (an empty list or file where nothing was detected), or evaluate only the answered scenes"
    )]
    Unanswered {
        /// Its name.
        scene: String,
    },
    /// The detector answered a scene without labels.
    #[error("scene {scene} has detections but no labels; give the labels of the same split")]
    Unlabelled {
        /// Its name.
        scene: String,
    },
    /// Nothing to evaluate.
    #[error("no scene has both labels and detections; check that both name their scenes alike")]
    NoScenes,
    /// Rules need something that an object lacks.
    #[error("scene {scene}: {rules} needs {what}")]
    Lacking {
        /// The scene.
        scene: String,
        /// The rules.
        rules: &'static str,
        /// What is needed, and where it comes from.
        what: &'static str,
    },
    /// More boxes than nuScenes allows in a sample.
    #[error(
        "scene {scene}: has {found} detections, nuScenes allows {allowed}; drop those with the lowest scores"
    )]
    TooMany {
        /// The scene.
        scene: String,
        /// Detections found.
        found: usize,
        /// Detections allowed.
        allowed: usize,
    },
    /// Two detectors to compare were not evaluated on the same labels.
    #[error(
        "the detectors to compare were evaluated on different scenes or by different rules; evaluate both on the same labels"
    )]
    NotComparable,
}

/// What is wrong with a line of a text file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// Wrong number of columns.
    #[error(
        "has {found} columns; a label has 15 or 16, a result has 16 with the score in the last"
    )]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// A column is no number.
    #[error("column {column} ({name}) is `{text}`; it must be a finite number")]
    Number {
        /// The column, from 1.
        column: usize,
        /// What it means.
        name: &'static str,
        /// What stands there.
        text: String,
    },
    /// A size that no object has.
    #[error("has a size of {0:?} m; length, width and height must be above zero")]
    Size([f64; 3]),
    /// A position, angle, score or velocity that is not finite.
    #[error("has a number that is not finite in `{0}`")]
    NotFinite(&'static str),
    /// Not the JSON of a scene.
    #[error("is no scene: {0}; see docs/evaluation.md for its fields")]
    Json(#[from] serde_json::Error),
    /// A detection without score, or truth with one.
    #[error("{0}")]
    Score(&'static str),
    /// The list that was asked for is absent.
    #[error("has no `{0}`; an empty list says that there is none")]
    Absent(&'static str),
}

impl EvalError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn line(path: &Path, line: usize, problem: LineProblem) -> Self {
        Self::Line {
            path: path.to_owned(),
            line,
            problem,
        }
    }
}

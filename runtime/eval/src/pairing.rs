//! Puts a detector's scenes beside the labelled ones.

use std::collections::{HashMap, HashSet};

use crate::error::EvalError;
use crate::scene::{DetectedScene, LabelledScene, Scene};

/// Which labelled scenes are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// All; one that the detector did not answer is an error. No detection is an answer too.
    #[default]
    Every,
    /// Those that the detector answered, as View-of-Delft's devkit does. A scene that was left out
    /// costs nothing, so this is for label folders that hold more than the split.
    Answered,
}

/// Scenes in the order of the labels.
///
/// # Errors
/// Where an id stands twice, the detector names a scene without labels, no scene is left, or one
/// has no answer under [`Coverage::Every`].
pub fn pair<'a>(
    labelled: &'a [LabelledScene],
    detected: &'a [DetectedScene],
    coverage: Coverage,
) -> Result<Vec<Scene<'a>>, EvalError> {
    let mut answers = HashMap::with_capacity(detected.len());
    for scene in detected {
        if answers.insert(scene.id.as_str(), scene).is_some() {
            return Err(EvalError::DuplicateScene {
                scene: scene.id.clone(),
            });
        }
    }
    let mut seen = HashSet::with_capacity(labelled.len());
    let mut scenes = Vec::with_capacity(labelled.len());
    for labels in labelled {
        if !seen.insert(labels.id.as_str()) {
            return Err(EvalError::DuplicateScene {
                scene: labels.id.clone(),
            });
        }
        match (answers.get(labels.id.as_str()), coverage) {
            (Some(answer), _) => scenes.push(Scene {
                labels,
                detections: &answer.detections,
            }),
            (None, Coverage::Answered) => {}
            (None, Coverage::Every) => {
                return Err(EvalError::Unanswered {
                    scene: labels.id.clone(),
                });
            }
        }
    }
    if let Some(stranger) = detected.iter().find(|s| !seen.contains(s.id.as_str())) {
        return Err(EvalError::Unlabelled {
            scene: stranger.id.clone(),
        });
    }
    if scenes.is_empty() {
        return Err(EvalError::NoScenes);
    }
    Ok(scenes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(id: &str) -> LabelledScene {
        LabelledScene {
            id: id.into(),
            ..LabelledScene::default()
        }
    }

    fn detected(id: &str) -> DetectedScene {
        DetectedScene {
            id: id.into(),
            ..DetectedScene::default()
        }
    }

    #[test]
    fn an_unanswered_scene_is_an_error_unless_answers_decide() {
        let labels = [labelled("a"), labelled("b")];
        let answers = [detected("b")];
        let error = pair(&labels, &answers, Coverage::Every).unwrap_err();
        assert!(error.to_string().contains("scene a"), "{error}");
        let scenes = pair(&labels, &answers, Coverage::Answered).unwrap();
        assert_eq!(scenes.len(), 1);
        assert_eq!(scenes[0].id(), "b");
    }

    #[test]
    fn strangers_and_doubles_are_errors() {
        let labels = [labelled("a")];
        let stranger = [detected("a"), detected("c")];
        assert!(matches!(
            pair(&labels, &stranger, Coverage::Answered),
            Err(EvalError::Unlabelled { scene }) if scene == "c"
        ));
        let double = [detected("a"), detected("a")];
        assert!(matches!(
            pair(&labels, &double, Coverage::Every),
            Err(EvalError::DuplicateScene { .. })
        ));
        assert!(matches!(
            pair(&labels, &[], Coverage::Answered),
            Err(EvalError::NoScenes)
        ));
    }
}

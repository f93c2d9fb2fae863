//! Fuzz targets: bytes of a stranger as a request, and of a server as an answer.

use prost::Message;

use crate::inference::{ModelInferRequest, ModelInferResponse};
use crate::{
    BlockId, Code, Draft, Frame, FsqCode, GenerateRequest, Kept, Scene, TargetShape, Verdict,
    VerifyRequest,
};

/// A name and what it runs on any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// The targets.
pub const TARGETS: &[Target] = &[("protocol_request", request), ("protocol_answer", answer)];

fn target() -> Option<TargetShape> {
    TargetShape::new(12, 3, 50, FsqCode::new(5, 7).ok()).ok()
}

/// What is taken must come back the same from what it writes.
fn request(bytes: &[u8]) {
    let (Ok(message), Some(target)) = (ModelInferRequest::decode(bytes), target()) else {
        return;
    };
    if let Ok(request) = VerifyRequest::from_message(&message, &target) {
        for frame in &request.scene.frames {
            let _ = request.scene.features(frame, &target);
            let _ = request.scene.indices(frame, &target);
        }
        let again = VerifyRequest::from_message(&request.to_message(), &target);
        assert_eq!(again, Ok(request));
    }
    if let Ok(request) = GenerateRequest::from_message(&message, &target) {
        let again = GenerateRequest::from_message(&request.to_message(), &target);
        assert_eq!(again, Ok(request));
    }
}

fn answer(bytes: &[u8]) {
    let (Ok(message), Some(target)) = (ModelInferResponse::decode(bytes), target()) else {
        return;
    };
    let Ok(block) = BlockId::new("block") else {
        return;
    };
    let draft = Draft {
        tokens: vec![1, 2, 3],
        confidence: vec![0; 3],
    };
    let frame = Frame {
        kept: Kept::all(target.image_tokens()),
        tokens: vec![0; 72].into(),
    };
    let asked = VerifyRequest {
        scene: Scene {
            block,
            prompt: vec![3],
            code: Code::F16,
            frames: vec![frame.clone(), frame],
        },
        drafts: vec![draft.clone(), draft],
    };
    if let Ok(verdict) = Verdict::from_verified(&message, &asked, &target) {
        let again = verdict.to_verified(&asked.scene.block);
        assert_eq!(Verdict::from_verified(&again, &asked, &target), Ok(verdict));
    }
    let _ = Verdict::from_generated(&message, &asked.scene.block, 2, &target);
}

//! Blocks for the tests: any that fit the contract.

use drafthorse_protocol::{
    BlockId, Code, Draft, Frame, FrameVerdict, FsqCode, Kept, Scene, TargetShape, Verdict,
    VerifyRequest, encode_f16, encode_int8,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

pub(crate) const TOKENS: usize = 21;
pub(crate) const WIDTH: usize = 5;
pub(crate) const VOCABULARY: u16 = 158;

pub(crate) fn fsq() -> FsqCode {
    FsqCode::new(7, 5).unwrap()
}

pub(crate) fn target() -> TargetShape {
    TargetShape::new(TOKENS, WIDTH, usize::from(VOCABULARY), Some(fsq())).unwrap()
}

fn frame(code: Code) -> impl Strategy<Value = Frame> {
    let kept = vec(any::<Index>(), 1..TOKENS).prop_map(|places| {
        let places: Vec<_> = places.iter().map(|p| p.index(TOKENS)).collect();
        Kept::at(TOKENS, &places).unwrap()
    });
    kept.prop_flat_map(move |kept| {
        let features = vec(-30.0_f32..30.0, kept.count() * WIDTH);
        let indices = vec(0..5_u8, kept.count() * 7);
        (features, indices).prop_map(move |(features, indices)| Frame {
            kept: kept.clone(),
            tokens: match code {
                Code::F16 => encode_f16(&features).unwrap().into(),
                Code::Int8 => encode_int8(&features, WIDTH).unwrap().into(),
                Code::Fsq => fsq().pack(&indices).unwrap().into(),
            },
        })
    })
}

fn draft() -> impl Strategy<Value = Draft> {
    vec((0..VOCABULARY, any::<u8>()), 0..40).prop_map(|tokens| {
        let (tokens, confidence) = tokens.into_iter().unzip();
        Draft { tokens, confidence }
    })
}

pub(crate) fn request() -> impl Strategy<Value = VerifyRequest> {
    let scene = select(vec![Code::F16, Code::Int8, Code::Fsq]).prop_flat_map(|code| {
        let frames = vec(frame(code), 1..9);
        ("[!-~]{1,64}", vec(0..VOCABULARY, 0..5), frames).prop_map(move |(id, prompt, frames)| {
            Scene {
                block: BlockId::new(id).unwrap(),
                prompt,
                code,
                frames,
            }
        })
    });
    scene.prop_flat_map(|scene| {
        vec(draft(), scene.frames.len()).prop_map(move |drafts| VerifyRequest {
            scene: scene.clone(),
            drafts,
        })
    })
}

/// A request and some verdict on it.
pub(crate) fn answered() -> impl Strategy<Value = (VerifyRequest, Verdict)> {
    request().prop_flat_map(|request| {
        let frames: Vec<_> = request.drafts.iter().map(frame_verdict).collect();
        frames.prop_map(move |frames| (request.clone(), Verdict { frames }))
    })
}

fn frame_verdict(draft: &Draft) -> impl Strategy<Value = FrameVerdict> + use<> {
    let most = u16::try_from(draft.tokens.len()).unwrap();
    (
        0..=most,
        vec(0..VOCABULARY, 0..30),
        -9.0_f32..0.0,
        any::<bool>(),
    )
        .prop_map(|(accepted, correction, score, ended)| FrameVerdict {
            accepted,
            correction,
            score,
            ended,
        })
}

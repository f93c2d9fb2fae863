//! A target that speaks the contract and computes its verdict from the request, certificates, and blocks.

#![allow(dead_code)] // Each test uses its part.

pub(crate) mod certificates;
pub(crate) mod target;

use std::time::Duration;

use drafthorse_offload::client::ClientSettings;
use drafthorse_offload::{Block, Settings};
use drafthorse_protocol::{
    BlockId, Code, Draft, Frame, FrameVerdict, FsqCode, Kept, Scene, TargetShape, Verdict,
    VerifyRequest,
};

pub(crate) fn shape() -> TargetShape {
    TargetShape::new(32, 16, 158, FsqCode::new(12, 16).ok()).unwrap()
}

/// Bytes that stand in every block's tokens, to be looked for on the wire.
pub(crate) const MARK: &[u8] = b"must not be seen";

pub(crate) fn request(number: usize) -> VerifyRequest {
    let mut tokens = vec![(number % 251) as u8; 32 * 20];
    tokens[4..4 + MARK.len()].copy_from_slice(MARK);
    for row in tokens.chunks_mut(20) {
        row[..4].copy_from_slice(&0.01_f32.to_le_bytes());
    }
    let tokens_of_draft: Vec<u16> = (0..20).map(|i| ((number * 7 + i) % 158) as u16).collect();
    VerifyRequest {
        scene: Scene {
            block: BlockId::new(format!("car/run/{number}")).unwrap(),
            prompt: vec![3],
            code: Code::Int8,
            frames: vec![Frame {
                kept: Kept::all(32),
                tokens: tokens.into(),
            }],
        },
        drafts: vec![Draft {
            confidence: vec![3; tokens_of_draft.len()],
            tokens: tokens_of_draft,
        }],
    }
}

pub(crate) fn block(number: usize, deadline: Duration) -> Block {
    Block {
        request: request(number),
        deadline,
        worth: 1,
    }
}

/// The target's verdict: a function of the request alone.
pub(crate) fn verdict(request: &VerifyRequest) -> Verdict {
    let hash = request
        .scene
        .block
        .as_str()
        .bytes()
        .fold(7_u16, |h, b| h.wrapping_mul(31).wrapping_add(b.into()));
    let frames = request.drafts.iter().map(|draft| {
        let all = draft.tokens.len();
        let accepted = match hash % 3 {
            0 => all,
            _ => usize::from(hash) % (all + 1),
        };
        FrameVerdict {
            accepted: u16::try_from(accepted).unwrap(),
            correction: if accepted == all {
                vec![]
            } else {
                vec![hash % 158, 5]
            },
            score: -0.5,
            ended: true,
        }
    });
    Verdict {
        frames: frames.collect(),
    }
}

pub(crate) fn clear(address: std::net::SocketAddr) -> ClientSettings {
    ClientSettings {
        address: format!("http://{address}"),
        insecure: true,
        ..ClientSettings::default()
    }
}

pub(crate) fn settings(target: ClientSettings, spool: &std::path::Path) -> Settings {
    Settings {
        attempt_ms: 1000,
        probe_s: 0.5,
        seed: Some(1),
        ..Settings::new(target, spool.to_owned())
    }
}

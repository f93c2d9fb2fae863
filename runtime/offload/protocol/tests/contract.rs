//! Messages of both models: what is written is read back the same, and whatever a stranger changes in one gives a value
//! or an error, never a panic.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use bytes::Bytes;
use common::{TOKENS, answered, request, target};
use drafthorse_protocol::inference::{InferTensorContents, ModelInferRequest, ModelInferResponse};
use drafthorse_protocol::{
    BlockId, ContractError, GENERATE_INPUTS, GenerateRequest, Sizes, VERIFY_INPUTS, VERIFY_OUTPUTS,
    Verdict, VerifyRequest, limits,
};
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;

/// The same elements as numbers instead of raw bytes.
fn contents(datatype: &str, raw: &[u8]) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match datatype {
        "UINT8" => contents.uint_contents = raw.iter().map(|&b| b.into()).collect(),
        "UINT16" => {
            let numbers = raw.as_chunks().0.iter();
            contents.uint_contents = numbers.map(|&b| u16::from_le_bytes(b).into()).collect();
        }
        "FP32" => {
            let numbers = raw.as_chunks().0.iter();
            contents.fp32_contents = numbers.map(|&b| f32::from_le_bytes(b)).collect();
        }
        "BYTES" => contents.bytes_contents = vec![raw[4..].to_vec()],
        other => panic!("no {other} in the contract"),
    }
    contents
}

fn with_contents(mut message: ModelInferRequest) -> ModelInferRequest {
    for (input, raw) in message.inputs.iter_mut().zip(&message.raw_input_contents) {
        input.contents = Some(contents(&input.datatype, raw));
    }
    message.raw_input_contents.clear();
    message
}

fn answer_with_contents(mut message: ModelInferResponse) -> ModelInferResponse {
    for (output, raw) in message.outputs.iter_mut().zip(&message.raw_output_contents) {
        output.contents = Some(contents(&output.datatype, raw));
    }
    message.raw_output_contents.clear();
    message
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn requests_come_back(request in request()) {
        let message = request.to_message();
        let bytes = message.encode_to_vec();
        prop_assert_eq!(Sizes::of(&message).message, bytes.len());
        let message = ModelInferRequest::decode(&bytes[..]).unwrap();
        prop_assert_eq!(VerifyRequest::from_message(&message, &target()), Ok(request.clone()));
        let numbers = with_contents(message);
        prop_assert_eq!(VerifyRequest::from_message(&numbers, &target()), Ok(request.clone()));
        let generate = GenerateRequest { scene: request.scene };
        let message = generate.to_message();
        prop_assert_eq!(GenerateRequest::from_message(&message, &target()), Ok(generate));
    }

    #[test]
    fn verdicts_come_back((request, verdict) in answered()) {
        let message = verdict.to_verified(&request.scene.block);
        let read = |message| Verdict::from_verified(&message, &request, &target());
        prop_assert_eq!(read(message.clone()), Ok(verdict.clone()));
        prop_assert_eq!(read(answer_with_contents(message)), Ok(verdict.clone()));
        let mut written = verdict;
        written.frames.iter_mut().for_each(|f| f.accepted = 0);
        let block = &request.scene.block;
        let message = written.to_generated(block);
        prop_assert_eq!(Verdict::from_generated(&message, block, written.frames.len(), &target()), Ok(written));
    }

    #[test]
    fn a_changed_byte_never_panics((request, verdict) in answered(), at in any::<Index>(), to in any::<u8>()) {
        let mut bytes = request.to_message().encode_to_vec();
        let at_byte = at.index(bytes.len());
        bytes[at_byte] = to;
        drafthorse_protocol::fuzz::TARGETS.iter().for_each(|(_, run)| run(&bytes));
        if let Ok(message) = ModelInferRequest::decode(&bytes[..])
            && let Ok(read) = VerifyRequest::from_message(&message, &target())
        {
            prop_assert_eq!(read.check(&target()), Ok(()));
        }
        let mut bytes = verdict.to_verified(&request.scene.block).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(message) = ModelInferResponse::decode(&bytes[..])
            && let Ok(read) = Verdict::from_verified(&message, &request, &target())
        {
            for (frame, draft) in read.frames.iter().zip(&request.drafts) {
                prop_assert!(frame.text(draft).iter().all(|&id| usize::from(id) < target().vocabulary()));
            }
        }
    }

    #[test]
    fn a_tensor_cut_grown_or_renamed_is_told(
        request in request(), which in 0..8_usize, what in 0..7_usize, by in 1..5_usize,
    ) {
        let mut message = request.to_message();
        let raw = message.raw_input_contents[which].to_vec();
        match what {
            0 => message.raw_input_contents[which] = [&raw[..], &vec![0; by]].concat().into(),
            1 if raw.len() >= by => message.raw_input_contents[which] = raw[by..].to_vec().into(),
            2 => message.inputs[which].shape[1] += 1,
            3 => message.inputs[which].shape = vec![],
            4 => message.inputs[which].shape[1] = i64::MIN,
            5 => message.inputs[which].datatype = "FP64".into(),
            _ => message.inputs[which].name = "other".into(),
        }
        prop_assert!(VerifyRequest::from_message(&message, &target()).is_err());
    }
}

/// One request, by a fixed seed of its own.
fn one() -> VerifyRequest {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    request().new_tree(&mut runner).unwrap().current()
}

use proptest::strategy::ValueTree;

fn refused(change: impl FnOnce(&mut ModelInferRequest)) -> ContractError {
    let mut message = one().to_message();
    change(&mut message);
    VerifyRequest::from_message(&message, &target()).unwrap_err()
}

fn le(numbers: &[u16]) -> Bytes {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn each_wrong_thing_has_its_own_error() {
    type E = ContractError;
    assert!(matches!(
        refused(|m| m.model_name = "resnet".into()),
        E::Model { .. }
    ));
    assert!(matches!(
        refused(|m| {
            m.inputs.pop();
            m.raw_input_contents.pop();
        }),
        E::Missing("draft_confidence")
    ));
    assert!(matches!(
        refused(|m| {
            m.raw_input_contents.pop();
        }),
        E::RawContents { tensors: 8, raw: 7 }
    ));
    assert!(matches!(
        refused(|m| m.inputs[1].name = "kept".into()),
        E::Twice(_)
    ));
    assert!(
        matches!(refused(|m| m.inputs[1].name = "x".repeat(1000)), E::Unknown(name) if name.len() == 64)
    );
    assert!(matches!(
        refused(|m| m.inputs[1].datatype = "INT64".into()),
        E::Datatype {
            tensor: "prompt",
            ..
        }
    ));
    assert!(matches!(
        refused(|m| m.inputs[1].shape = vec![2, 1]),
        E::Shape {
            tensor: "prompt",
            ..
        }
    ));
    assert!(matches!(
        refused(|m| m.inputs[1].shape = vec![1, 1 << 40]),
        E::TooMany {
            most: limits::MAX_PROMPT,
            ..
        }
    ));
    assert!(matches!(
        refused(|m| m.raw_input_contents[0] = Bytes::from_static(b"\x02\0\0\0a b")),
        E::Length { .. }
    ));
    assert!(matches!(
        refused(|m| m.raw_input_contents[0] = Bytes::from_static(b"\x03\0\0\0a b")),
        E::BlockId
    ));
    assert!(matches!(
        refused(|m| m.raw_input_contents[0] = Bytes::from_static(b"\xff\xff\xff\xffa")),
        E::Length { .. }
    ));
    assert!(matches!(
        refused(|m| m.raw_input_contents[2] = Bytes::from_static(b"\x03\0\0\0png")),
        E::Code(_)
    ));
    assert!(matches!(
        refused(|m| {
            m.raw_input_contents[1] = le(&[158]);
            m.inputs[1].shape = vec![1, 1];
        }),
        E::Range {
            tensor: "prompt",
            place: 0,
            got: 158
        }
    ));
    assert!(matches!(
        refused(|m| {
            m.raw_input_contents[3] = Bytes::from(vec![0; 3]);
            m.inputs[3].shape = vec![1, 3];
        }),
        E::NoTokens(0)
    ));
    assert!(matches!(
        refused(|m| {
            m.raw_input_contents[3] = Bytes::from(vec![0xff; 3]);
            m.inputs[3].shape = vec![1, 3];
        }),
        E::Range {
            tensor: "kept",
            place: 2,
            got: 255
        }
    ));
    assert!(matches!(
        refused(|m| {
            for i in [3, 4, 5, 6, 7] {
                m.raw_input_contents[i] = Bytes::new();
                m.inputs[i].shape = vec![1, 0];
            }
        }),
        E::NoFrames
    ));
    assert!(matches!(
        refused(|m| {
            m.raw_input_contents[3] = Bytes::from(vec![1; 27]);
            m.inputs[3].shape = vec![1, 27];
        }),
        E::TooMany { .. }
    ));
}

#[test]
fn an_answer_must_belong_to_its_request() {
    let request = one();
    let frames = request.scene.frames.len();
    let verdict = Verdict {
        frames: request
            .drafts
            .iter()
            .map(|draft| drafthorse_protocol::FrameVerdict {
                accepted: u16::try_from(draft.tokens.len()).unwrap(),
                correction: vec![5],
                score: -0.5,
                ended: true,
            })
            .collect(),
    };
    let message = verdict.to_verified(&request.scene.block);
    let told = |change: &dyn Fn(&mut ModelInferResponse)| {
        let mut message = message.clone();
        change(&mut message);
        Verdict::from_verified(&message, &request, &target()).unwrap_err()
    };
    type E = ContractError;
    assert!(matches!(
        told(&|m| m.id = "other".into()),
        E::OtherBlock { .. }
    ));
    assert!(matches!(
        told(&|m| m.model_name = "resnet".into()),
        E::Model { .. }
    ));
    assert!(matches!(
        told(&|m| m.raw_output_contents[0] = le(&vec![9999; frames])),
        E::Range {
            tensor: "accepted",
            place: 0,
            got: 9999
        }
    ));
    assert!(matches!(
        told(&|m| m.raw_output_contents[3] = Bytes::from([0xff; 4].repeat(frames))),
        E::NotFinite {
            tensor: "score",
            place: 0
        }
    ));
    assert!(matches!(
        told(&|m| m.raw_output_contents[4] = Bytes::from(vec![2; frames])),
        E::Range {
            tensor: "ended",
            ..
        }
    ));
    assert!(matches!(
        told(&|m| m.raw_output_contents[2] = le(&vec![158; frames])),
        E::Range {
            tensor: "correction",
            ..
        }
    ));
    let mut more = message.clone();
    more.outputs.push(Default::default());
    more.raw_output_contents.push(Bytes::new());
    more.id.clear();
    assert_eq!(
        Verdict::from_verified(&more, &request, &target()),
        Ok(verdict)
    );
}

#[test]
fn the_tables_are_what_is_written() {
    let request = one();
    let names = |m: &ModelInferRequest| -> Vec<_> {
        m.inputs
            .iter()
            .map(|i| (i.name.clone(), i.datatype.clone()))
            .collect()
    };
    let table = |t: &[drafthorse_protocol::TensorSpecification]| -> Vec<_> {
        t.iter()
            .map(|t| (t.name.to_owned(), t.datatype.to_owned()))
            .collect()
    };
    assert_eq!(names(&request.to_message()), table(&VERIFY_INPUTS));
    let generate = GenerateRequest {
        scene: request.scene,
    };
    assert_eq!(names(&generate.to_message()), table(&GENERATE_INPUTS));
    let message = Verdict::default().to_verified(&BlockId::new("b").unwrap());
    let outputs: Vec<_> = message
        .outputs
        .iter()
        .map(|o| (o.name.clone(), o.datatype.clone()))
        .collect();
    assert_eq!(outputs, table(&VERIFY_OUTPUTS));
    assert_eq!(TOKENS.div_ceil(8), target().kept_bytes());
}

#[test]
fn parts_are_counted() {
    let request = one();
    let sizes = Sizes::of(&request.to_message());
    let frames = &request.scene.frames;
    assert_eq!(
        sizes.tokens,
        frames.iter().map(|f| f.tokens.len()).sum::<usize>()
    );
    assert_eq!(sizes.kept, 3 * frames.len());
    let tokens: usize = request.drafts.iter().map(|d| d.tokens.len()).sum();
    assert_eq!(sizes.draft, 2 * frames.len() + 3 * tokens);
    assert!(sizes.message > sizes.tokens + sizes.kept + sizes.draft);
}

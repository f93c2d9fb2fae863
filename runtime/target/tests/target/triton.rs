//! Our client against the real Triton on our repository, and Triton's client against our server: the same requests get
//! the same verdicts. `tests/triton/check.sh` starts Triton and says where it is.
#![expect(
    clippy::print_stdout,
    reason = "figures, and what was left out, have to be said"
)]

use crate::common::{Asked, Exam, connect, endpoint, onnxruntime, prompts, trained};
use drafthorse_protocol::inference::{
    ModelInferRequest, ModelMetadataRequest, ModelReadyRequest, ServerLiveRequest,
};
use drafthorse_protocol::{Draft, Verdict};
use drafthorse_target::serve::{ServeOptions, TlsFiles, bind};
use drafthorse_target::{Target, TargetOptions};
use prost::Message as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::sync::oneshot;
use tonic::Code;

/// Requests that are under way at once, so that Triton has something to batch.
const AT_ONCE: usize = 8;

/// What tests/triton/check.sh started.
struct Peer {
    /// Triton's gRPC address.
    address: String,
    /// Authority, server and the vehicle `car-7`.
    certificates: PathBuf,
    /// A Python with tritonclient.
    python: PathBuf,
}

impl Peer {
    fn here() -> Option<Self> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let Ok(address) = std::env::var("DRAFTHORSE_TRITON") else {
            println!("left out: no Triton here, tests/triton/check.sh starts one");
            return None;
        };
        Some(Self {
            address,
            certificates: path("DRAFTHORSE_TRITON_CERTIFICATES").unwrap(),
            python: path("DRAFTHORSE_TRITON_PYTHON").unwrap(),
        })
    }

    fn vehicle(&self) -> Option<(&Path, &str)> {
        Some((&self.certificates, "car-7"))
    }

    /// Our server on the same certificates.
    async fn ours(&self) -> (String, oneshot::Sender<()>) {
        let files = trained();
        let backend = onnxruntime().unwrap();
        let target = Target::open(&files, backend.as_ref(), &TargetOptions::default()).unwrap();
        let options = ServeOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: Some(TlsFiles {
                ca: self.certificates.join("ca.pem"),
                certificate: self.certificates.join("server.pem"),
                key: self.certificates.join("server.key"),
            }),
            burst: 100_000,
            in_flight: 64,
            ..ServeOptions::default()
        };
        let bound = bind(&files, vec![target], options).await.unwrap();
        let address = bound.address().to_string();
        let (end, ending) = oneshot::channel();
        tokio::spawn(bound.run(async move {
            let _ = ending.await;
        }));
        (address, end)
    }
}

fn exam() -> &'static Exam {
    Exam::trained().expect("DRAFTHORSE_ONNXRUNTIME names the library")
}

/// The verdicts of a server, in the order of the messages.
async fn verdicts(
    address: &str,
    vehicle: Option<(&Path, &str)>,
    blocks: &[Asked],
    drafted: bool,
) -> Vec<Verdict> {
    let (client, shape) = (connect(address, vehicle).await, trained().shape);
    let mut verdicts = Vec::new();
    for part in blocks.chunks(AT_ONCE) {
        let calls = part.iter().cloned().map(|asked| {
            let mut client = client.clone();
            tokio::spawn(async move {
                let request = &asked.request;
                if drafted {
                    let answer = client.model_infer(request.to_message()).await.unwrap();
                    return Verdict::from_verified(&answer.into_inner(), request, &shape).unwrap();
                }
                let answer = client
                    .model_infer(asked.generate().to_message())
                    .await
                    .unwrap();
                let (block, frames) = (&request.scene.block, request.scene.frames.len());
                Verdict::from_generated(&answer.into_inner(), block, frames, &shape).unwrap()
            })
        });
        for call in calls.collect::<Vec<_>>() {
            verdicts.push(call.await.unwrap());
        }
    }
    verdicts
}

/// Frames of which two servers say different things; scores may differ in their last digits.
fn differences(some: &[Verdict], others: &[Verdict]) -> usize {
    assert_eq!(some.len(), others.len());
    let pairs = some.iter().zip(others).flat_map(|(some, others)| {
        assert_eq!(some.frames.len(), others.frames.len());
        some.frames.iter().zip(&others.frames)
    });
    pairs
        .filter(|(a, b)| {
            let same = (a.accepted, &a.correction, a.ended) == (b.accepted, &b.correction, b.ended);
            !same || (a.score - b.score).abs() > 1e-3
        })
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triton_and_our_server_say_what_the_target_says_alone() {
    let Some(peer) = Peer::here() else { return };
    let exam = exam();
    let blocks = &exam.blocks;
    let (address, end) = peer.ours().await;
    for drafted in [true, false] {
        let triton = verdicts(&peer.address, peer.vehicle(), blocks, drafted).await;
        let ours = verdicts(&address, peer.vehicle(), blocks, drafted).await;
        let (mut ties, mut accepted) = ([0, 0], 0);
        for ((asked, triton), ours) in blocks.iter().zip(&triton).zip(&ours) {
            let mut asked = asked.clone();
            if !drafted {
                asked.request.drafts.fill(Draft::default());
            }
            ties[0] += exam.near_ties("Triton", &asked, &triton.frames);
            ties[1] += exam.near_ties("our server", &asked, &ours.frames);
            accepted += ours
                .frames
                .iter()
                .map(|frame| usize::from(frame.accepted))
                .sum::<usize>();
        }
        let apart = differences(&triton, &ours);
        let [theirs, own] = ties;
        println!(
            "{} prompts in {} blocks, drafts {drafted}: {accepted} draft tokens stand; near ties: Triton {theirs}, our server {own}; they differ in {apart} frames",
            prompts(),
            blocks.len()
        );
        assert!(apart <= theirs + own);
        assert!(
            theirs + own <= 2 + prompts() / 100,
            "too many to be near ties by chance"
        );
    }
    end.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tritons_client_gets_our_servers_verdicts() {
    let Some(peer) = Peer::here() else { return };
    let blocks = &exam().blocks;
    let (address, end) = peer.ours().await;
    let ours = verdicts(&address, peer.vehicle(), blocks, true).await;
    let folder = tempfile::tempdir().unwrap();
    let (asked, answered) = (folder.path().join("asked"), folder.path().join("answered"));
    let messages: Vec<ModelInferRequest> = blocks
        .iter()
        .map(|asked| asked.request.to_message())
        .collect();
    let bytes: Vec<u8> = messages
        .iter()
        .flat_map(ModelInferRequest::encode_length_delimited_to_vec)
        .collect();
    std::fs::write(&asked, bytes).unwrap();
    let mut command = Command::new(&peer.python);
    command
        .arg(crate::common::root().join("tests/triton/client.py"))
        .args([
            "--address",
            &address,
            "--vehicle",
            "car-7",
            "--certificates",
        ])
        .args([
            &peer.certificates,
            &PathBuf::from("--asked"),
            &asked,
            &PathBuf::from("--answered"),
            &answered,
        ]);
    let status = tokio::task::spawn_blocking(move || command.status())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success());
    let bytes = std::fs::read(&answered).unwrap();
    let mut rest = &bytes[..];
    let shape = trained().shape;
    let theirs: Vec<Verdict> = blocks
        .iter()
        .map(|asked| {
            let answer = prost::Message::decode_length_delimited(&mut rest).unwrap();
            Verdict::from_verified(&answer, &asked.request, &shape).unwrap()
        })
        .collect();
    assert!(rest.is_empty());
    assert_eq!(theirs, ours);
    end.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triton_knows_our_models_and_refuses_what_is_wrong() {
    let Some(peer) = Peer::here() else { return };
    let mut triton = connect(&peer.address, peer.vehicle()).await;
    let (address, end) = peer.ours().await;
    let mut ours = connect(&address, peer.vehicle()).await;
    for name in ["scene_verify", "scene_generate"] {
        let (name, version) = (name.to_owned(), String::new());
        let ready = ModelReadyRequest {
            name: name.clone(),
            version: version.clone(),
        };
        assert!(triton.model_ready(ready).await.unwrap().into_inner().ready);
        let asked = ModelMetadataRequest { name, version };
        let theirs = triton
            .model_metadata(asked.clone())
            .await
            .unwrap()
            .into_inner();
        let own = ours.model_metadata(asked).await.unwrap().into_inner();
        let tensors = |of: &drafthorse_protocol::inference::ModelMetadataResponse| {
            let all = of.inputs.iter().chain(&of.outputs);
            all.map(|t| (t.name.clone(), t.datatype.clone(), t.shape[1]))
                .collect::<Vec<_>>()
        };
        assert_eq!(tensors(&theirs), tensors(&own));
    }
    let asked = &exam().blocks[0];
    let right = asked.request.to_message();
    let first = triton
        .model_infer(right.clone())
        .await
        .unwrap()
        .into_inner();
    let again = triton
        .model_infer(right.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        again.raw_output_contents, first.raw_output_contents,
        "a retry"
    );
    let wrong = |change: &dyn Fn(&mut ModelInferRequest)| {
        let mut message = right.clone();
        change(&mut message);
        message
    };
    for (what, message) in [
        (
            "id beyond the vocabulary",
            wrong(&|m| m.raw_input_contents[1] = vec![255; 2].into()),
        ),
        (
            "kept",
            wrong(&|m| m.raw_input_contents[3] = vec![0; 16].into()),
        ),
        (
            "scale",
            wrong(&|m| {
                m.raw_input_contents[4] = vec![255; right.raw_input_contents[4].len()].into();
            }),
        ),
        (
            "an input too few",
            wrong(&|m| {
                m.inputs.pop();
                m.raw_input_contents.pop();
            }),
        ),
    ] {
        for (who, client) in [("Triton", &mut triton), ("ours", &mut ours)] {
            let status = client.model_infer(message.clone()).await.unwrap_err();
            assert_eq!(
                status.code(),
                Code::InvalidArgument,
                "{who}, {what}: {status}"
            );
        }
    }
    end.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triton_asks_for_a_vehicles_certificate() {
    let Some(peer) = Peer::here() else { return };
    let mut vehicle = connect(&peer.address, peer.vehicle()).await;
    assert!(
        vehicle
            .server_live(ServerLiveRequest {})
            .await
            .unwrap()
            .into_inner()
            .live
    );
    if let Ok(channel) = endpoint(&peer.address, None).connect().await {
        let call = crate::common::client(channel)
            .server_live(ServerLiveRequest {})
            .await;
        assert!(call.is_err(), "plain text");
    }
}

//! The server as vehicles meet it: certificates, bounds, deadlines, retries, its end.

use crate::common::{Asked, Exam, backends, connect, endpoint, untrained};
use drafthorse_offload::client::CallError;
use drafthorse_protocol::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use drafthorse_protocol::inference::model_infer_request::InferRequestedOutputTensor;
use drafthorse_protocol::inference::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataRequest,
    ModelReadyRequest, ServerLiveRequest, ServerMetadataRequest, ServerReadyRequest,
};
use drafthorse_protocol::{BlockId, Draft, Verdict};
use drafthorse_target::certificates::{CertificateOptions, write};
use drafthorse_target::serve::{PUSHBACK, ServeError, ServeOptions, TlsFiles, bind};
use drafthorse_target::{Target, TargetFiles, TargetOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::tokio_stream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

type Client = GrpcInferenceServiceClient<Channel>;

/// A server that runs until it is told to end.
struct Running {
    address: String,
    end: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

async fn serve(options: ServeOptions, pace: Duration) -> Running {
    let files = untrained();
    let options = ServeOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        ..options
    };
    let paced = TargetOptions {
        pace,
        ..TargetOptions::default()
    };
    let target = Target::open(&files, backends()[0].as_ref(), &paced).unwrap();
    let bound = bind(&files, vec![target], options).await.unwrap();
    let address = bound.address().to_string();
    let (end, ending) = oneshot::channel();
    let ended = tokio::spawn(bound.run(async move {
        let _ = ending.await;
    }));
    Running {
        address,
        end,
        ended,
    }
}

impl Running {
    async fn stop(self) {
        self.end.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

/// A block of one frame.
fn question() -> &'static Asked {
    &Exam::untrained().blocks[0]
}

/// The same question under another name.
fn named(asked: &Asked, name: &str) -> ModelInferRequest {
    let mut request = asked.request.clone();
    request.scene.block = BlockId::new(name).unwrap();
    request.to_message()
}

/// A block in a code that the untrained target does not have.
fn in_narrow_code() -> ModelInferRequest {
    let mut request = question().request.clone();
    request.scene.code = drafthorse_protocol::Code::Fsq;
    request.to_message()
}

/// The same message with typed contents.
fn typed(mut message: ModelInferRequest) -> ModelInferRequest {
    let raw = std::mem::take(&mut message.raw_input_contents);
    for (input, raw) in message.inputs.iter_mut().zip(raw) {
        let mut contents = InferTensorContents::default();
        match input.datatype.as_str() {
            "BYTES" => contents.bytes_contents = vec![raw.slice(4..).into()],
            "UINT8" => contents.uint_contents = raw.iter().map(|&byte| byte.into()).collect(),
            _ => {
                let pairs = raw.chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
                contents.uint_contents = pairs.map(u32::from).collect();
            }
        }
        input.contents = Some(contents);
    }
    message
}

fn certificates(folder: &Path, vehicles: &[&str]) -> PathBuf {
    let out = folder.join("certificates");
    write(&CertificateOptions {
        out: out.clone(),
        servers: vec!["localhost".to_owned()],
        vehicles: vehicles.iter().map(|&name| name.to_owned()).collect(),
        valid: Duration::from_secs(3600),
    })
    .unwrap();
    out
}

fn tls(folder: &Path) -> ServeOptions {
    ServeOptions {
        tls: Some(TlsFiles {
            ca: folder.join("ca.pem"),
            certificate: folder.join("server.pem"),
            key: folder.join("server.key"),
        }),
        ..ServeOptions::default()
    }
}

fn pushback_ms(status: &Status) -> u64 {
    status
        .metadata()
        .get(PUSHBACK)
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_over_mutual_tls_are_the_targets_and_a_retry_gets_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = certificates(folder.path(), &["car-7"]);
    let running = serve(tls(&certificates), Duration::ZERO).await;
    let mut client = connect(&running.address, Some((&certificates, "car-7"))).await;
    let exam = Exam::untrained();
    let shape = untrained().shape;
    for asked in &exam.blocks {
        let message = asked.request.to_message();
        let answer = client
            .model_infer(message.clone())
            .await
            .unwrap()
            .into_inner();
        let verdict = Verdict::from_verified(&answer, &asked.request, &shape).unwrap();
        assert_eq!(exam.near_ties("served", asked, &verdict.frames), 0);
        let again = client.model_infer(message).await.unwrap().into_inner();
        assert_eq!(again, answer);

        let generated = client
            .model_infer(asked.generate().to_message())
            .await
            .unwrap();
        let scene = &asked.request.scene;
        let verdict = Verdict::from_generated(
            &generated.into_inner(),
            &scene.block,
            scene.frames.len(),
            &shape,
        )
        .unwrap();
        let mut undrafted = asked.clone();
        undrafted.request.drafts.fill(Draft::default());
        assert_eq!(exam.near_ties("generated", &undrafted, &verdict.frames), 0);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_with_typed_contents_get_their_own_verdicts() {
    let running = serve(ServeOptions::default(), Duration::ZERO).await;
    let mut client = connect(&running.address, None).await;
    for asked in &Exam::untrained().blocks[..3] {
        let raw = asked.request.to_message();
        // The typed one first: it is not answered from what the raw one left.
        let answer = client.model_infer(typed(raw.clone())).await.unwrap();
        let alone = serve(ServeOptions::default(), Duration::ZERO).await;
        let wanted = connect(&alone.address, None).await.model_infer(raw).await;
        assert_eq!(answer.into_inner(), wanted.unwrap().into_inner());
        alone.stop().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_says_what_it_is_and_refuses_what_it_is_not() {
    let running = serve(ServeOptions::default(), Duration::ZERO).await;
    let mut client = connect(&running.address, None).await;
    assert!(
        client
            .server_live(ServerLiveRequest {})
            .await
            .unwrap()
            .into_inner()
            .live
    );
    assert!(
        client
            .server_ready(ServerReadyRequest {})
            .await
            .unwrap()
            .into_inner()
            .ready
    );
    let server = client
        .server_metadata(ServerMetadataRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(server.name, "drafthorse-target");
    let model = |name: &str, version: &str| (name.to_owned(), version.to_owned());
    for (name, version, inputs) in [("scene_verify", "", 8), ("scene_generate", "1", 5)] {
        let (name, version) = model(name, version);
        let ready = ModelReadyRequest {
            name: name.clone(),
            version: version.clone(),
        };
        assert!(client.model_ready(ready).await.unwrap().into_inner().ready);
        let asked = ModelMetadataRequest { name, version };
        let metadata = client.model_metadata(asked).await.unwrap().into_inner();
        assert_eq!(metadata.inputs.len(), inputs);
        assert_eq!(metadata.inputs[1].shape, [1, -1]);
    }
    let (name, version) = model("scene_paint", "");
    let status = client
        .model_ready(ModelReadyRequest { name, version })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);

    let asked = question();
    let right = asked.request.to_message();
    let wrong = |change: &dyn Fn(&mut ModelInferRequest)| {
        let mut message = right.clone();
        change(&mut message);
        message
    };
    let mut some = wrong(&|message| {
        message.outputs = vec![InferRequestedOutputTensor {
            name: "score".to_owned(),
            ..Default::default()
        }];
    });
    let answer = client.model_infer(some.clone()).await.unwrap().into_inner();
    assert_eq!(
        (answer.outputs.len(), answer.raw_output_contents[0].len()),
        (1, 4)
    );
    some.outputs[0].name = "mood".to_owned();
    for (message, code) in [
        (some, Code::InvalidArgument),
        (
            wrong(&|m| m.model_name = "scene_paint".to_owned()),
            Code::NotFound,
        ),
        (wrong(&|m| m.model_version = "2".to_owned()), Code::NotFound),
        (wrong(&|m| m.inputs[4].shape[1] += 1), Code::InvalidArgument),
        // This target has no narrow code, which is no fault of the block.
        (in_narrow_code(), Code::Unimplemented),
        (
            wrong(&|m| m.raw_input_contents[1] = vec![255; 2].into()),
            Code::InvalidArgument,
        ),
        (
            wrong(&|m| m.raw_input_contents[4] = vec![0; 1 << 20].into()),
            Code::ResourceExhausted,
        ),
    ] {
        let status = client.model_infer(message).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
    }
    // It goes on as if nothing had been.
    client.model_infer(right).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_certificate_of_the_authority_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let ours = certificates(folder.path(), &["car-7"]);
    let theirs = certificates(&folder.path().join("other"), &["car-7"]);
    let running = serve(tls(&ours), Duration::ZERO).await;
    // A client that trusts our server and shows another authority's certificate.
    std::fs::copy(ours.join("ca.pem"), theirs.join("ca.pem")).unwrap();
    for (what, endpoint) in [
        (
            "another authority's",
            endpoint(&running.address, Some((&theirs, "car-7"))),
        ),
        ("plain text", endpoint(&running.address, None)),
        // A server's certificate is no vehicle's.
        (
            "the server's own",
            endpoint(&running.address, Some((&ours, "server"))),
        ),
    ] {
        // Without a vehicle's certificate connecting may succeed; the first call fails.
        if let Ok(channel) = endpoint.connect().await {
            let call = crate::common::client(channel)
                .server_live(ServerLiveRequest {})
                .await;
            assert!(call.is_err(), "{what}");
        }
    }
    let mut client = connect(&running.address, Some((&ours, "car-7"))).await;
    client.server_live(ServerLiveRequest {}).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_stays_on_the_machine() {
    let files = untrained();
    let open =
        || vec![Target::open(&files, backends()[0].as_ref(), &TargetOptions::default()).unwrap()];
    let options = |listen: &str| ServeOptions {
        listen: listen.parse().unwrap(),
        ..ServeOptions::default()
    };
    let refused = bind(&files, open(), options("0.0.0.0:0"))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refused, ServeError::PlainElsewhere(_)),
        "{refused}"
    );
    assert!(bind(&files, open(), options("127.0.0.1:0")).await.is_ok());
    for nothing in [
        ServeOptions {
            in_flight: 0,
            ..options("127.0.0.1:0")
        },
        ServeOptions {
            blocks_per_s: f64::NAN,
            ..options("127.0.0.1:0")
        },
    ] {
        let refused = bind(&files, open(), nothing).await.err().unwrap();
        assert!(matches!(refused, ServeError::Nothing(_)), "{refused}");
    }
}

/// So many copies of a block under names of their own, at once.
async fn crowd(client: &Client, asked: &Asked, count: usize) -> Vec<Result<(), Status>> {
    let calls = (0..count).map(|n| {
        let (mut client, message) = (client.clone(), named(asked, &format!("crowd-{n}")));
        tokio::spawn(async move { client.model_infer(message).await.map(|_| ()) })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_beyond_capacity_is_shed_with_a_time_to_come_back() {
    let options = ServeOptions {
        in_flight: 4,
        burst: 1000,
        ..ServeOptions::default()
    };
    let running = serve(options, Duration::from_millis(10)).await;
    let asked = question();
    // Each connection has a limit of its own, which only makes wait: several of them reach the server's.
    let mut answers = Vec::new();
    let clients = [
        connect(&running.address, None).await,
        connect(&running.address, None).await,
        connect(&running.address, None).await,
    ];
    let crowds = clients.iter().enumerate().map(|(n, client)| {
        let mut asked = asked.clone();
        asked.request.scene.prompt.push(n as u16 + 6);
        let client = client.clone();
        tokio::spawn(async move { crowd(&client, &asked, 12).await })
    });
    for crowd in crowds.collect::<Vec<_>>() {
        answers.extend(crowd.await.unwrap());
    }
    let shed: Vec<&Status> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert!(shed.len() >= 4 && shed.len() <= 32, "{} shed", shed.len());
    for status in shed {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!((1..60_000).contains(&pushback_ms(status)));
    }
    // Afterwards there is room again.
    let mut client = clients[0].clone();
    client.model_infer(named(asked, "later")).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_vehicle_has_its_own_share() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = certificates(folder.path(), &["car-7", "car-8"]);
    let options = ServeOptions {
        blocks_per_s: 0.01,
        burst: 2,
        ..tls(&certificates)
    };
    let running = serve(options, Duration::ZERO).await;
    let asked = question();
    for vehicle in ["car-7", "car-8"] {
        // Another connection is no other vehicle.
        for (n, passes) in [(0, true), (1, true), (2, false)] {
            let mut client = connect(&running.address, Some((&certificates, vehicle))).await;
            let answer = client
                .model_infer(named(asked, &format!("{vehicle}-{n}")))
                .await;
            assert_eq!(answer.is_ok(), passes, "{vehicle} {n}");
            if let Err(status) = answer {
                assert_eq!(status.code(), Code::ResourceExhausted);
                assert!(pushback_ms(&status) > 50_000, "{}", pushback_ms(&status));
                // What costs nothing is not counted.
                client.server_live(ServerLiveRequest {}).await.unwrap();
            }
        }
    }
    running.stop().await;
}

/// What becomes of a call whose message never comes to its end.
async fn endless(channel: Channel) -> Code {
    let mut service = tonic::client::Grpc::new(channel);
    service.ready().await.unwrap();
    let nothing = tokio_stream::pending::<ModelInferRequest>();
    let path = PathAndQuery::from_static("/inference.GRPCInferenceService/ModelInfer");
    let codec = tonic_prost::ProstCodec::<ModelInferRequest, ModelInferResponse>::default();
    let answer = service.client_streaming(Request::new(nothing), path, codec);
    answer.await.unwrap_err().code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_vehicle_holds_half_of_the_places_and_not_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = certificates(folder.path(), &["car-7", "car-8"]);
    let options = ServeOptions {
        in_flight: 4,
        burst: 1000,
        message_time: Duration::from_secs(2),
        ..tls(&certificates)
    };
    let running = serve(options, Duration::ZERO).await;
    let car = |name| endpoint(&running.address, Some((&certificates, name)));
    let channel = car("car-7").connect().await.unwrap();
    let mut calls: JoinSet<Code> = (0..6).map(|_| endless(channel.clone())).collect();
    // Once one is refused, all places of this vehicle are taken.
    let mut codes = vec![calls.join_next().await.unwrap().unwrap()];
    let mut other = crate::common::client(car("car-8").connect().await.unwrap());
    other.model_infer(named(question(), "other")).await.unwrap();
    while let Some(code) = calls.join_next().await {
        codes.push(code.unwrap());
    }
    let refused = [Code::ResourceExhausted; 4];
    assert_eq!(codes[..4], refused);
    assert_eq!(codes[4..], [Code::DeadlineExceeded; 2]);
    let mut again = crate::common::client(channel);
    again.model_infer(named(question(), "again")).await.unwrap();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_away_for_longer_than_five_minutes() {
    let options = ServeOptions {
        blocks_per_s: 1e-12,
        burst: 1,
        ..ServeOptions::default()
    };
    let running = serve(options, Duration::ZERO).await;
    let mut client = connect(&running.address, None).await;
    client.model_infer(named(question(), "1")).await.unwrap();
    let refused = client.model_infer(named(question(), "2")).await;
    assert_eq!(pushback_ms(&refused.unwrap_err()), 300_000);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_whose_caller_has_gone_is_dropped() {
    let pace = Duration::from_millis(20);
    let running = serve(
        ServeOptions {
            burst: 1000,
            ..ServeOptions::default()
        },
        pace,
    )
    .await;
    let client = connect(&running.address, None).await;
    let asked = question();
    // One run too many for the deadline: each of the blocks would take a second or more without one.
    let mut undrafted = asked.clone();
    undrafted.request.drafts.fill(Draft::default());
    let began = Instant::now();
    let calls = (0..16).map(|n| {
        let mut client = client.clone();
        let mut request = Request::new(named(&undrafted, &format!("late-{n}")));
        request.set_timeout(Duration::from_millis(50));
        tokio::spawn(async move { client.model_infer(request).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let code = call.await.unwrap().unwrap_err().code();
        assert!(
            matches!(code, Code::DeadlineExceeded | Code::Cancelled),
            "{code}"
        );
    }
    // The next one does not wait for those sixteen.
    let mut client = client.clone();
    client.model_infer(named(asked, "next")).await.unwrap();
    let whole = pace * 16 * 20;
    assert!(
        began.elapsed() < whole,
        "{:?} is as long as all the work",
        began.elapsed()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_way_are_answered_before_the_server_ends() {
    let running = serve(ServeOptions::default(), Duration::from_millis(10)).await;
    let client = connect(&running.address, None).await;
    let asked = question();
    let call = {
        let (mut client, message) = (client.clone(), named(asked, "last"));
        tokio::spawn(async move { client.model_infer(message).await })
    };
    tokio::time::sleep(Duration::from_millis(30)).await;
    let address = running.address.clone();
    running.stop().await;
    call.await.unwrap().unwrap();
    assert!(endpoint(&address, None).connect().await.is_err());
}

/// For readers of this file: the untrained model is enough, since none of this is about what is said.
#[test]
fn the_longest_message_that_can_be_right_is_let_in() {
    let TargetFiles { shape, .. } = untrained();
    let tokens = 8 * shape.image_tokens() * 2 * shape.width();
    let longest = untrained().longest_message();
    assert!(
        longest > tokens && longest < tokens + (64 << 10),
        "{longest}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_unpacks_to_more_than_any_block_is_refused() {
    let running = serve(ServeOptions::default(), Duration::ZERO).await;
    let mut client = crate::common::connect(&running.address, None).await;
    let mut message = named(question(), "bomb");
    // 64 MiB of zeros are 64 KiB on the wire.
    message.raw_input_contents[0] = vec![0; 64 << 20].into();
    let refused = client.model_infer(message).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    let refused = CallError::from(refused);
    assert!(matches!(refused, CallError::Refused(_)), "{refused}");
    let answer = client.model_infer(named(question(), "after")).await;
    answer.unwrap();
    running.stop().await;
}

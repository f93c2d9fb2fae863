//! What tests of the target share: engines, blocks about pictures of synthetic roads with what the target says of them
//! alone, and clients.

use drafthorse_core::Image;
use drafthorse_engine::{Artefact, Backend, LoadOptions, Model, Tensor, run_once};
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use drafthorse_engine_tract::Tract;
use drafthorse_protocol::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use drafthorse_protocol::{
    BlockId, Code, Draft, Frame, FrameVerdict, GenerateRequest, Kept, Scene, TargetShape,
    VerifyRequest, encode_f16, encode_int8,
};
use drafthorse_synth::scenes::{HEIGHT_PX, Scenes, ScenesConfig, Split, WIDTH_PX};
use drafthorse_target::TargetFiles;
use drafthorse_vision::{Layout, PictureTokens, Positions, Prompt, Vlm, VlmOptions, Window};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Two best tokens nearer than this may change places from engine to engine, natural logarithm.
pub(crate) const NEAR_TIE: f32 = 1e-4;

/// The trained model, which descriptions are judged with.
pub(crate) fn trained() -> TargetFiles {
    let drafter = root().join("models/scene-drafter-s");
    TargetFiles::read(&root().join("models/scene-vlm-s"), Some(&drafter)).unwrap()
}

/// A small untrained one, for all that is not about what is said.
pub(crate) fn untrained() -> TargetFiles {
    TargetFiles::read(&root().join("runtime/vision/tests/data/scene_vlm"), None).unwrap()
}

/// Prompts that the trained model is asked: `DRAFTHORSE_PROMPTS`, or 100.
pub(crate) fn prompts() -> usize {
    std::env::var("DRAFTHORSE_PROMPTS").map_or(100, |count| count.parse().unwrap())
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// ONNX Runtime, where `DRAFTHORSE_ONNXRUNTIME` names its library, which has to load then.
pub(crate) fn onnxruntime() -> Option<Box<dyn Backend>> {
    let library = PathBuf::from(std::env::var_os("DRAFTHORSE_ONNXRUNTIME")?);
    let config = OnnxRuntimeConfig {
        library: Some(library),
        ..OnnxRuntimeConfig::default()
    };
    Some(Box::new(OnnxRuntime::open(&config).unwrap()))
}

/// Every engine that is here.
pub(crate) fn backends() -> Vec<Box<dyn Backend>> {
    let tract: Box<dyn Backend> = Box::new(Tract);
    std::iter::once(tract).chain(onnxruntime()).collect()
}

/// Blocks with the one who made them; made once for all tests, since pictures take their time.
pub(crate) struct Exam {
    pub(crate) questioner: Mutex<Questioner>,
    pub(crate) blocks: Vec<Asked>,
}

impl Exam {
    fn new(mut questioner: Questioner, frames: usize) -> Self {
        Self {
            blocks: questioner.blocks(frames),
            questioner: Mutex::new(questioner),
        }
    }

    /// Of [`prompts`] frames by the trained model; none without ONNX Runtime.
    pub(crate) fn trained() -> Option<&'static Self> {
        static EXAM: LazyLock<Option<Exam>> = LazyLock::new(|| {
            let backend = onnxruntime()?;
            Some(Exam::new(
                Questioner::new(&trained(), backend.as_ref()),
                prompts(),
            ))
        });
        EXAM.as_ref()
    }

    /// Of the untrained model on tract: the first block has one frame.
    pub(crate) fn untrained() -> &'static Self {
        static EXAM: LazyLock<Exam> =
            LazyLock::new(|| Exam::new(Questioner::new(&untrained(), &Tract), 14));
        &EXAM
    }

    pub(crate) fn near_ties(&self, who: &str, asked: &Asked, verdicts: &[FrameVerdict]) -> usize {
        self.questioner
            .lock()
            .unwrap()
            .near_ties(who, asked, verdicts)
    }
}

/// A block, and what the target writes about each of its frames alone.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) request: VerifyRequest,
    pub(crate) alone: Vec<Alone>,
}

/// What the target's own loop says from the tokens as they arrive: no draft, a token a run.
#[derive(Clone)]
pub(crate) struct Alone {
    /// The end token included, where it ended by itself.
    pub(crate) text: Vec<u16>,
    pub(crate) ended: bool,
    pub(crate) score: f32,
}

impl Asked {
    pub(crate) fn generate(&self) -> GenerateRequest {
        GenerateRequest {
            scene: self.request.scene.clone(),
        }
    }
}

/// Makes blocks of pictures, codes, prunings, prompts and drafts of all kinds.
pub(crate) struct Questioner {
    pub(crate) vlm: Vlm,
    shape: TargetShape,
    end: u16,
    scenes: Scenes,
    made: usize,
    /// Encoder and decoder of the narrow code, where the target has one.
    fsq: Option<[Box<dyn Model>; 2]>,
    /// Image tokens that blocks keep in turn.
    pub(crate) keeps: Vec<usize>,
}

impl Questioner {
    pub(crate) fn new(files: &TargetFiles, backend: &dyn Backend) -> Self {
        let vlm = Vlm::open(&files.model, backend, &VlmOptions::default()).unwrap();
        let load = |path: &Path| {
            let bytes = std::fs::read(path).unwrap();
            let artefact = Artefact {
                name: "code",
                bytes: &bytes,
            };
            backend.load(artefact, &LoadOptions::default()).unwrap()
        };
        let fsq = files.fsq_decode.as_deref();
        Self {
            fsq: fsq.map(|decode| {
                [
                    load(&decode.with_file_name("fsq_encode.onnx")),
                    load(decode),
                ]
            }),
            end: vlm.settings().end_tokens[0] as u16,
            vlm,
            shape: files.shape,
            scenes: Scenes::new(ScenesConfig {
                split: Split::Test,
                seed: 417,
                captions: 0,
                verified: false,
            }),
            made: 0,
            keeps: vec![16, 32, 64, 128, 24],
        }
    }

    /// Blocks with that many frames together.
    pub(crate) fn blocks(&mut self, frames: usize) -> Vec<Asked> {
        let mut left = frames;
        let mut blocks = Vec::new();
        while left > 0 {
            let size = [1, 3, 2, 8, 1, 5][blocks.len() % 6].min(left);
            blocks.push(self.block(size));
            left -= size;
        }
        blocks
    }

    /// A block of so many frames.
    pub(crate) fn block(&mut self, frames: usize) -> Asked {
        let number = self.made;
        self.made += 1;
        let codes = if self.fsq.is_some() { 3 } else { 2 };
        let code = [Code::Int8, Code::F16, Code::Fsq][number % codes];
        let keep = self.keeps[number % self.keeps.len()].min(self.shape.image_tokens());
        // A description three times of four, else an answer.
        let question = [None, None, None, Some("where is the car ?")][number % 4];
        let (mut parts, mut drafts, mut alone) = (Vec::new(), Vec::new(), Vec::new());
        let mut prompt = Vec::new();
        for index in 0..frames {
            let all = self.look();
            let (frame, seen) = self.frame(&all, code, keep);
            let words = self.vlm.prompt(&[&seen], question).unwrap();
            prompt = words.ids[seen.len()..]
                .iter()
                .map(|&id| id as u16)
                .collect();
            let said = self.alone(&seen, question);
            let whole = self.alone(&all, question);
            let words = self.shape.vocabulary() as u16;
            let kind = (number + index) % 6;
            drafts.push(draft(kind, &said.text, &whole.text, words, self.end));
            parts.push(frame);
            alone.push(said);
        }
        let scene = Scene {
            block: BlockId::new(format!("drive-{number}/block")).unwrap(),
            prompt,
            code,
            frames: parts,
        };
        let request = VerifyRequest { scene, drafts };
        request.check(&self.shape).unwrap();
        Asked { request, alone }
    }

    fn look(&mut self) -> PictureTokens {
        let scene = self.scenes.take();
        let image = Image {
            width: WIDTH_PX as u32,
            height: HEIGHT_PX as u32,
            rgb: scene.rgb,
            ..Image::default()
        };
        self.vlm.look(&image).unwrap()
    }

    /// `keep` of a picture's tokens spread over it, as they travel and as they arrive.
    fn frame(&mut self, all: &PictureTokens, code: Code, keep: usize) -> (Frame, PictureTokens) {
        let total = all.len();
        let places: Vec<usize> = (0..keep)
            .map(|i| i * total / keep + i % (total / keep))
            .collect();
        let mut seen = all.keep(&places).unwrap();
        let tokens = match (code, &mut self.fsq, self.shape.fsq()) {
            (Code::F16, ..) => encode_f16(&seen.features).unwrap(),
            (Code::Int8, ..) => encode_int8(&seen.features, seen.width).unwrap(),
            (Code::Fsq, Some([encoder, _]), Some(code)) => {
                let given = Tensor::new(&[1, keep, seen.width], seen.features.clone());
                let levels = run_once(encoder.as_mut(), &[given]).unwrap();
                code.pack(levels[0].data::<u8>().unwrap()).unwrap()
            }
            _ => panic!("the target has no narrow code"),
        };
        let frame = Frame {
            kept: Kept::at(total, &places).unwrap(),
            tokens: tokens.into(),
        };
        seen.features = self.features(code, &frame);
        (frame, seen)
    }

    /// A frame's features as they arrive.
    fn features(&mut self, code: Code, frame: &Frame) -> Vec<f32> {
        let scene = Scene {
            block: BlockId::new("x").unwrap(),
            prompt: Vec::new(),
            code,
            frames: vec![frame.clone()],
        };
        let (Code::Fsq, Some([_, decoder])) = (code, &mut self.fsq) else {
            return scene.features(frame, &self.shape).unwrap();
        };
        let levels = scene.indices(frame, &self.shape).unwrap();
        let dimensions = self.shape.fsq().unwrap().dimensions();
        let shape = [1, levels.len() / dimensions, dimensions];
        let given = Tensor::new(&shape, levels);
        let given = run_once(decoder.as_mut(), &[given]).unwrap();
        given[0].data::<f32>().unwrap().to_vec()
    }

    fn alone(&mut self, seen: &PictureTokens, question: Option<&str>) -> Alone {
        let answer = self.vlm.answer(&[seen], question).unwrap();
        let mut text: Vec<u16> = answer.ids.iter().map(|&id| id as u16).collect();
        text.extend(answer.ended.then_some(self.end));
        let logs = &answer.log_probabilities;
        Alone {
            text,
            ended: answer.ended,
            score: logs.iter().sum::<f32>() / logs.len() as f32,
        }
    }

    /// How far the two best tokens are apart behind `text`.
    pub(crate) fn gap(&mut self, asked: &Asked, frame: usize, text: &[u16]) -> f32 {
        let scene = &asked.request.scene;
        let sent = &scene.frames[frame];
        let (total, kept) = (self.shape.image_tokens(), sent.kept.count());
        let picture = PictureTokens {
            width: self.shape.width(),
            features: self.features(scene.code, sent),
            layout: Layout::single(1, total, Window::WHOLE),
            kept: sent.kept.places().collect(),
        };
        let words = scene.prompt.iter().chain(text).map(|&id| u32::from(id));
        let ids: Vec<u32> = std::iter::repeat_n(2, kept).chain(words).collect();
        let mut positions = Positions::new(1);
        for place in sent.kept.places().chain(total..total + ids.len() - kept) {
            positions.push(&[place as i64]);
        }
        let prompt = Prompt {
            next: (total + ids.len() - kept) as i64,
            slots: (0..kept).collect(),
            ids,
            positions,
        };
        self.vlm.begin(&prompt, &[&picture]).unwrap();
        let mut logits = self.vlm.logits(prompt.ids.len() - 1).unwrap().to_vec();
        logits.sort_by(|a, b| b.total_cmp(a));
        logits[0] - logits[1]
    }

    /// Counts frames of a verdict that are not what the target says alone. Each has to part at a near tie.
    pub(crate) fn near_ties(
        &mut self,
        who: &str,
        asked: &Asked,
        verdicts: &[FrameVerdict],
    ) -> usize {
        assert_eq!(verdicts.len(), asked.alone.len(), "{who}");
        let mut ties = 0;
        for (frame, verdict) in verdicts.iter().enumerate() {
            let (draft, alone) = (&asked.request.drafts[frame], &asked.alone[frame]);
            let text = verdict.text(draft);
            if text != alone.text {
                let same = text
                    .iter()
                    .zip(&alone.text)
                    .take_while(|(a, b)| a == b)
                    .count();
                let gap = self.gap(asked, frame, &alone.text[..same]);
                assert!(
                    gap < NEAR_TIE,
                    "{who}, {} frame {frame}: {text:?}, alone {:?}; they part at {same}, where the best two are {gap} apart",
                    asked.request.scene.block,
                    alone.text
                );
                ties += 1;
                continue;
            }
            let right = text
                .iter()
                .zip(&draft.tokens)
                .take_while(|(a, b)| a == b)
                .count();
            assert_eq!(
                usize::from(verdict.accepted),
                right,
                "{who}: {text:?} of {draft:?}"
            );
            assert_eq!(verdict.ended, alone.ended, "{who}");
            assert!(
                (verdict.score - alone.score).abs() < 1e-3,
                "{who}: score {} and {} alone",
                verdict.score,
                alone.score
            );
        }
        ties
    }
}

/// Drafts of all kinds: none, the target's own words, those that it has for all tokens, a wrong word in the middle,
/// words that break off, one that ends too early.
fn draft(kind: usize, own: &[u16], whole: &[u16], words: u16, end: u16) -> Draft {
    let half = own.len() / 2;
    let tokens = match kind {
        0 => own.to_vec(),
        1 | 2 => whole.to_vec(),
        3 => {
            let mut wrong = own.to_vec();
            wrong[half] = 6 + (wrong[half] + 1) % (words - 6);
            wrong
        }
        4 => own[..half].to_vec(),
        _ => [&own[..half], &[end]].concat(),
    };
    let confidence = (0..tokens.len()).map(|i| i as u8).collect();
    Draft { tokens, confidence }
}

/// A vehicle's connection to a server at `address`, whose certificate is for `localhost`; messages are compressed, as a
/// vehicle's are.
pub(crate) async fn connect(
    address: &str,
    certificates: Option<(&Path, &str)>,
) -> GrpcInferenceServiceClient<Channel> {
    client(endpoint(address, certificates).connect().await.unwrap())
}

pub(crate) fn client(channel: Channel) -> GrpcInferenceServiceClient<Channel> {
    GrpcInferenceServiceClient::new(channel)
        .max_decoding_message_size(8 << 20)
        .send_compressed(Gzip)
        .accept_compressed(Gzip)
}

pub(crate) fn endpoint(address: &str, certificates: Option<(&Path, &str)>) -> Endpoint {
    let Some((folder, vehicle)) = certificates else {
        return Endpoint::from_shared(format!("http://{address}")).unwrap();
    };
    let read = |name: String| std::fs::read(folder.join(name)).unwrap();
    let identity = Identity::from_pem(
        read(format!("{vehicle}.pem")),
        read(format!("{vehicle}.key")),
    );
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read("ca.pem".to_owned())))
        .domain_name("localhost")
        .identity(identity);
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint
        .tls_config(tls)
        .unwrap()
        .connect_timeout(Duration::from_secs(10))
}

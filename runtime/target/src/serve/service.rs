//! The calls of the protocol.

use super::admission::Permit;
use super::answers::Question;
use super::vehicle::Vehicle;
use super::work::{Ask, Done, Job, Work};
use super::{deadline, metadata};
use crate::error::TargetError;
use drafthorse_protocol::inference::grpc_inference_service_server::GrpcInferenceService;
use drafthorse_protocol::inference::model_infer_request::InferRequestedOutputTensor;
use drafthorse_protocol::inference::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use drafthorse_protocol::{
    BlockId, ContractError, GenerateRequest, TargetShape, VERIFY_MODEL, Verdict, VerifyRequest,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

pub(crate) struct Targets {
    pub(crate) shape: TargetShape,
    pub(crate) work: Work,
    /// The longest that a call may take.
    pub(crate) longest_call: Duration,
    /// Whether the server is on its way out.
    pub(crate) leaving: Arc<AtomicBool>,
}

impl Targets {
    fn is_ready(&self) -> bool {
        !self.leaving.load(Ordering::Relaxed)
    }

    /// What is asked, and of which block.
    fn ask(&self, message: &ModelInferRequest) -> Result<(Ask, BlockId), TargetError> {
        if message.model_name == VERIFY_MODEL {
            let request = VerifyRequest::from_message(message, &self.shape)?;
            let block = request.scene.block.clone();
            return Ok((Ask::Verify(request), block));
        }
        let request = GenerateRequest::from_message(message, &self.shape)?;
        let block = request.scene.block.clone();
        Ok((Ask::Generate(request), block))
    }

    /// The verdict from memory or from the model.
    async fn verdict(
        &self,
        question: Question,
        ask: Ask,
        deadline: Instant,
        permit: Permit,
    ) -> Result<Done, Status> {
        if let Some(verdict) = self.work.answer(&question) {
            return Ok(Done {
                verdict,
                took: Duration::ZERO,
            });
        }
        let (reply, answer) = oneshot::channel();
        let job = Job {
            ask,
            question,
            deadline,
            reply,
            permit,
        };
        let gone = || Status::unavailable("the server is going down");
        if !self.work.ask(job) {
            return Err(gone());
        }
        let answer = tokio::time::timeout_at(deadline.into(), answer).await;
        let answer = answer.map_err(|_| status(&TargetError::Late))?;
        answer.map_err(|_| gone())?.map_err(|error| status(&error))
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Targets {
    async fn server_live(
        &self,
        _: Request<ServerLiveRequest>,
    ) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<ServerReadyRequest>,
    ) -> Result<Response<ServerReadyResponse>, Status> {
        let ready = self.is_ready();
        Ok(Response::new(ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<ModelReadyRequest>,
    ) -> Result<Response<ModelReadyResponse>, Status> {
        let asked = request.into_inner();
        metadata::model(&asked.name, &asked.version)?;
        let ready = self.is_ready();
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(metadata::server()))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let asked = request.into_inner();
        metadata::model(&asked.name, &asked.version).map(Response::new)
    }

    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        let came = Instant::now();
        let longest = came + self.longest_call;
        let deadline = deadline::of(request.metadata()).map_or(longest, |asked| asked.min(longest));
        let extensions = request.extensions();
        let vehicle = extensions.get::<Vehicle>().cloned();
        let permit = extensions.get::<Permit>().cloned();
        let Some((vehicle, permit)) = vehicle.zip(permit) else {
            return Err(Status::internal("the call was not admitted"));
        };
        permit.came();
        let message = request.into_inner();
        metadata::model(&message.model_name, &message.model_version)?;
        let (ask, block) = self.ask(&message).map_err(|error| {
            let vehicle = vehicle.0.as_str();
            tracing::warn!(vehicle, model = message.model_name, why = %error, "refused");
            status(&error)
        })?;
        let question = Question::of(&ask);
        let done = self.verdict(question, ask, deadline, permit).await;
        let vehicle = vehicle.0.as_str();
        let (block_id, model) = (block.as_str(), message.model_name.as_str());
        let done = match done {
            Ok(done) => done,
            Err(status) => {
                tracing::warn!(vehicle, model, block = block_id, code = ?status.code(), why = status.message(), "no verdict");
                return Err(status);
            }
        };
        tracing::info!(
            vehicle,
            model,
            block = block_id,
            frames = done.verdict.frames.len(),
            took_ms = done.took.as_secs_f64() * 1e3,
            waited_ms = came.elapsed().saturating_sub(done.took).as_secs_f64() * 1e3,
            "verdict"
        );
        answer(&message, &done.verdict, &block).map(Response::new)
    }
}

/// The message of a verdict: the outputs that were asked for, all where none was named.
fn answer(
    asked: &ModelInferRequest,
    verdict: &Verdict,
    block: &BlockId,
) -> Result<ModelInferResponse, Status> {
    let mut answer = match asked.model_name == VERIFY_MODEL {
        true => verdict.to_verified(block),
        false => verdict.to_generated(block),
    };
    answer.id.clone_from(&asked.id);
    if asked.outputs.is_empty() {
        return Ok(answer);
    }
    let all = answer.outputs.iter().zip(&answer.raw_output_contents);
    let one = |wanted: &InferRequestedOutputTensor| {
        let found = all.clone().find(|(output, _)| output.name == wanted.name);
        let (output, raw) = found.ok_or_else(|| {
            let name: String = wanted.name.chars().take(64).collect();
            Status::invalid_argument(format!("{} has no output `{name}`", asked.model_name))
        })?;
        Ok((output.clone(), raw.clone()))
    };
    let chosen = asked
        .outputs
        .iter()
        .map(one)
        .collect::<Result<Vec<_>, Status>>()?;
    (answer.outputs, answer.raw_output_contents) = chosen.into_iter().unzip();
    Ok(answer)
}

fn status(error: &TargetError) -> Status {
    let what = error.to_string();
    match error {
        // Of the server, not of the block: another one may have the code.
        TargetError::Contract(ContractError::NoFsq) => Status::unimplemented(what),
        TargetError::Contract(_) | TargetError::TooLong { .. } => Status::invalid_argument(what),
        TargetError::Late => Status::deadline_exceeded(what),
        _ => Status::internal(what),
    }
}

//! One attempt: a request is sent, and its answer is read.

use std::time::Duration;

use helvetisafe_proto::endpoint::IDEMPOTENCY_KEY;
use helvetisafe_proto::{ApiError, Endpoint, Kind, retry};
use http::{Request, Response, StatusCode, Uri};

use super::Call;
use crate::api::Api;
use crate::api::outcome::FailedAttempt;
use crate::auth::Credential;
use crate::event::Event;
use crate::http::{AttemptLimits, Failure, TransportError};
use crate::runtime::Runtime;
use crate::trace::RequestSpan;

impl<R: Runtime, E: Endpoint<Answer: Send> + Sync> Call<'_, R, E> {
    /// Sends once and reads the answer.
    pub(super) async fn attempt(
        &self,
        credential: Option<&Credential>,
        time: Duration,
    ) -> Result<E::Answer, FailedAttempt> {
        let limits = AttemptLimits {
            time,
            body: self.api.limits.of(E::ANSWER),
        };
        let mut request = self.endpoint.request(self.address());
        let headers = request.headers_mut();
        // First: the transports leave no copy of the first sensitive header.
        if let Some(credential) = credential {
            credential.header.apply(headers);
        }
        headers.extend(self.api.headers.clone());
        if let Some(key) = &self.idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        request.extensions_mut().insert(limits);
        let host = request.uri().clone();
        let is_shortened = time < self.api.timeouts.attempt;
        let response = self.send(request, is_shortened).await?;
        self.api.paging.note(response.headers());
        if response.body().len() > limits.body {
            return Err(TransportError::new(Failure::TooLarge)
                .with_host(&host)
                .into());
        }
        let retry_after = retry::retry_after(response.headers(), self.api.runtime.wall());
        let answer = self.endpoint.parse(response);
        answer.map_err(|error| {
            let error = self.located(error, &host);
            FailedAttempt::of_answer(error, retry_after, &host)
        })
    }

    /// Adds the URL to a 404 that is not about a secret, and to an answer that is not the vault's, such as a login page.
    fn located(&self, error: ApiError, url: &Uri) -> ApiError {
        let is_missing = error.kind() == Kind::NotFound && self.action.is_about_existing();
        match error.status() {
            Some(StatusCode::NOT_FOUND) if !is_missing => error.at(url),
            None => error.at(url),
            _ => error,
        }
    }

    /// Hands a request to the transport, and reports both ends to the observer. With `is_shortened` it has only the time that is
    /// left of the operation.
    async fn send(
        &self,
        request: Request<Vec<u8>>,
        is_shortened: bool,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let Api {
            runtime, observer, ..
        } = &**self.api;
        let (call, attempt, host) = (self.info(), self.attempts(), request.uri().clone());
        let span = RequestSpan::new(&call, attempt, &host);
        span.run(|| {
            observer.emit(Event::Sending {
                call,
                base: self.address(),
                headers: request.headers(),
                attempt,
            });
        });
        let begun = runtime.now();
        let outcome = span.instrument(runtime.send(request)).await;
        let outcome = outcome.map_err(|error| match is_shortened {
            true => error.in_time_left().with_host(&host),
            false => error.with_host(&host),
        });
        let after = runtime.now().saturating_sub(begun);
        span.end(&outcome);
        let event = match &outcome {
            Ok(response) => Event::Answered {
                call,
                attempt,
                status: response.status().as_u16(),
                date: retry::date(response.headers()),
                after,
            },
            Err(error) => Event::Failed {
                call,
                attempt,
                error,
                after,
            },
        };
        span.run(|| observer.emit(event));
        outcome
    }
}

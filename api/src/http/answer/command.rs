use super::{EventView, Names, POSITION, SecretJson, warning::WarningView};
use crate::{
    http::{
        app::App,
        auth::Asker,
        input::{Target, Wish},
        problem::{Problem, failed},
    },
    secret_bytes::SecretBytes,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::engine::{Answer, Failure, Outcome, Request};
use domain::{Command, Login, Position, Recorded, Subject};
use serde::Serialize;

/// What an accepted command came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CommandAnswer {
    /// The last position that the decision saw or made: give it as `Dkube-Min-Position` to read what was written.
    #[schema(value_type = u64, example = 41)]
    position: Position,
    /// Whether nothing was recorded because only a dry run was asked for.
    dry_run: bool,
    /// What was recorded, or would be. Empty when the wish was true already.
    events: Vec<EventView>,
    /// What else follows.
    warnings: Vec<WarningView>,
}

/// A command on its way to the engine.
#[derive(Debug)]
pub(crate) struct Errand<'a> {
    command: Command,
    target: Target,
    logins: Vec<Login>,
    body: Option<&'a SecretBytes>,
}

impl<'a> Errand<'a> {
    /// One about many things, or about one that does not exist yet.
    pub(crate) const fn new(command: Command) -> Self {
        Self { command, target: Target::Many, logins: vec![], body: None }
    }

    /// One about the thing that the path names: `If-Match` is about its revision.
    pub(crate) fn on(self, subject: Subject) -> Self {
        self.about(Target::One(subject))
    }

    /// One about what the path names.
    pub(crate) fn about(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// The logins in the command, in its order: so that a refusal can name the one that nobody has.
    pub(crate) fn naming(mut self, logins: impl IntoIterator<Item = Login>) -> Self {
        self.logins.extend(logins);
        self
    }

    /// The body that it came with.
    pub(crate) fn with(mut self, body: &'a SecretBytes) -> Self {
        self.body = Some(body);
        self
    }
}

/// An accepted command, ready to be answered.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The answer's body.
    pub(crate) answer: CommandAnswer,
    /// What was recorded.
    pub(crate) recorded: Vec<Recorded>,
    /// Whether this is the answer to an earlier request with the same key.
    pub(crate) repeated: bool,
    made: Option<String>,
}

/// Gives the command to the engine, with all that came with it.
///
/// # Errors
/// Whatever keeps it from being accepted.
pub(crate) async fn carry_out<Q>(
    app: &App,
    asker: &Asker,
    wish: &Wish<Q>,
    errand: Errand<'_>,
) -> Result<Accepted, Problem> {
    let request = Request {
        expected: wish.expected(errand.target)?,
        idempotency: wish.idempotency(errand.body.map(AsRef::as_ref).unwrap_or_default()),
        reason: wish.reason.clone(),
        dry_run: wish.dry_run,
        ..Request::new(asker.principal.clone(), errand.command)
    };
    let outcome = app.parts.commands.submit(request).await;
    app.metrics.command(match &outcome {
        Ok(_) => "accepted",
        Err(Failure::Denied(_)) => "denied",
        Err(Failure::Refused(_) | Failure::OutOfTurn { .. }) => "refused",
        Err(Failure::ConditionFailed { .. }) => "condition_failed",
        Err(Failure::KeyReused) => "key_reused",
        Err(Failure::OutcomesFull { .. }) => "outcomes_full",
        Err(Failure::Overloaded) => "overloaded",
        Err(Failure::ReadOnly(_)) => "read_only",
        Err(Failure::OutcomeUnknown) => "outcome_unknown",
        Err(Failure::Stopping) => "stopping",
    });
    let answer = outcome.map_err(|failure| failed(failure, &Names::at(app, app.durable()).naming(&errand.logins)))?;
    Ok(Accepted::of(app, asker, answer))
}

impl Accepted {
    fn of(app: &App, asker: &Asker, answer: Answer) -> Self {
        let names = Names::at(app, answer.position).seen_by(asker);
        let (names, events, recorded) = match answer.outcome {
            Outcome::Recorded(recorded) => {
                let names = names.with(recorded.iter().map(|recorded| &recorded.event));
                let shown = recorded.iter().map(|recorded| EventView::recorded(recorded, &names)).collect();
                (names, shown, Some(recorded))
            }
            Outcome::DryRun(events) => {
                let names = names.with(&events);
                let actor = &asker.principal.actor;
                let shown = events.iter().map(|event| EventView::to_come(event, actor, &names)).collect();
                (names, shown, None)
            }
        };
        let warnings = answer.warnings.iter().map(|warning| WarningView::of(warning, &names)).collect();
        let body = CommandAnswer { position: answer.position, dry_run: recorded.is_none(), events, warnings };
        Self { answer: body, recorded: recorded.unwrap_or_default(), repeated: answer.repeated, made: None }
    }

    /// Something was made, and this is where it is. Nothing was made by a dry run or a wish already true.
    pub(crate) fn made(mut self, location: impl Into<String>) -> Self {
        self.made = (!self.recorded.is_empty()).then(|| location.into());
        self
    }

    /// Answers with another body, which has this one's in it, and perhaps a secret.
    pub(crate) fn with_body<T: Serialize>(self, body: impl FnOnce(CommandAnswer) -> T) -> Response {
        let position = self.answer.position;
        let status = if self.made.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = (status, SecretJson(body(self.answer))).into_response();
        let headers = response.headers_mut();
        headers.insert(POSITION, HeaderValue::from(position.0));
        if let Some(location) = self.made.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        self.with_body(|answer| answer)
    }
}

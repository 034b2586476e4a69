use super::{
    Nothing,
    header::{self, IfMatch},
    query,
};
use crate::http::{app::App, problem::Problem};
use axum::{
    extract::FromRequestParts,
    http::{Method, Uri, request::Parts},
};
use bus::engine::Idempotency;
use domain::{Expected, Login, Position, Reason, Subject};
use serde::de::DeserializeOwned;

/// What may come with any command besides its body, and the parameters `Q` that this call takes besides `dry_run`.
#[derive(Debug)]
pub(crate) struct Wish<Q = Nothing> {
    /// The call's own parameters.
    pub(crate) query: Q,
    /// Whether nothing shall be recorded.
    pub(crate) dry_run: bool,
    /// Why.
    pub(crate) reason: Option<Reason>,
    key: Option<String>,
    if_match: Option<IfMatch>,
    planned_at: Option<Position>,
    method: Method,
    uri: Uri,
}

/// What a command's path names.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// No one thing.
    Many,
    /// This thing, which may not exist.
    One(Subject),
    /// The user who has this login, if anybody has: revisions are of ids, and whose it is only the engine can tell.
    Login(Login),
}

/// Any command may be asked as a dry run.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only documents what Wish reads")]
pub(crate) struct DryRun {
    /// Decide, and record nothing: the answer's events have no positions.
    #[param(required = false)]
    dry_run: bool,
}

impl<Q: DeserializeOwned + Send> FromRequestParts<App> for Wish<Q> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut pairs = query::pairs(parts);
        let dry_run = match query::take(&mut pairs, "dry_run")?.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::new("request.query", "dry_run is true or false")),
        };
        let query = query::parse(pairs)?;
        let headers = &parts.headers;
        let key = header::text(headers, "idempotency-key")?;
        if key.is_some() && dry_run {
            return Err(Problem::new("idempotency.dry_run", "a dry run takes no Idempotency-Key"));
        }
        if key.is_some_and(|key| key.is_empty() || key.len() > Idempotency::KEY_MAX) {
            let detail = format!("Idempotency-Key is 1 to {} characters", Idempotency::KEY_MAX);
            return Err(Problem::new("request.header", detail));
        }
        let planned_at = header::position(headers, "dkube-planned-at")?;
        let durable = app.durable();
        if let Some(planned) = planned_at.filter(|planned| *planned > durable) {
            // Nothing could ever differ from it.
            let detail = format!("Dkube-Planned-At: position {planned} is not recorded: the log ends at {durable}");
            return Err(Problem::new("as_of.future", detail));
        }
        Ok(Self {
            query,
            dry_run,
            reason: header::reason(headers)?,
            key: key.map(str::to_owned),
            if_match: header::if_match(headers)?,
            planned_at,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        })
    }
}

impl<Q> Wish<Q> {
    /// Whether the client named its condition: needed where a whole set is replaced.
    ///
    /// # Errors
    /// It did not.
    pub(crate) fn needs_if_match(&self) -> Result<(), Problem> {
        let missing = || {
            Problem::new(
                "if_match.required",
                "this replaces a whole set: send the ETag that it was read at as If-Match",
            )
        };
        self.if_match.is_some().then_some(()).ok_or_else(missing)
    }

    /// What must still be so, of the thing that the path names. Where it names none, `If-Match` has no meaning.
    ///
    /// # Errors
    /// `If-Match` is given all the same.
    pub(crate) fn expected(&self, target: Target) -> Result<Vec<Expected>, Problem> {
        let revision = match (self.if_match, target) {
            (Some(IfMatch::Revision(revision)), Target::One(subject)) => Some(Expected::Revision(subject, revision)),
            (Some(IfMatch::Revision(revision)), Target::Login(login)) => Some(Expected::Login(login, revision)),
            // A command on a thing that does not exist is refused as such.
            (Some(IfMatch::Exists), Target::One(_) | Target::Login(_)) | (None, _) => None,
            (Some(_), Target::Many) => {
                return Err(Problem::new(
                    "request.header",
                    "If-Match has no meaning here: the path names no one thing",
                ));
            }
        };
        Ok(revision.into_iter().chain(self.planned_at.map(Expected::PlannedAt)).collect())
    }

    /// What makes a repeat of this request harmless, if the client gave a key.
    pub(crate) fn idempotency(&self, body: &[u8]) -> Option<Idempotency> {
        let key = self.key.clone()?;
        let target = self.uri.path_and_query().map_or("", |target| target.as_str());
        let request = [self.method.as_str().as_bytes(), b" ", target.as_bytes(), b"\n", body].concat();
        Some(Idempotency { key, request: request.into() })
    }
}

//! The audit trail as a stream of lines: all that match, with a page in memory at a time.
use super::{
    csv,
    search::{SearchError, search},
    view::AuditEvent,
};
use crate::http::{
    answer::POSITION,
    app::{App, StreamPlace},
    auth::{Asker, Rule, admitted, still_valid},
    problem::Problem,
};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{Action, Position};
use futures::stream;
use projections::Query;

/// How many events are in memory at a time.
const PAGE: usize = 500;

/// How the lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON object a line.
    Ndjson,
    /// RFC 4180, with a head.
    Csv,
}

struct Export {
    app: App,
    asker: Asker,
    form: Form,
    /// What is left to be searched; none when all is told.
    left: Option<Query>,
    up_to: Position,
    begun: bool,
    _place: StreamPlace,
}

/// Answers with all that match.
///
/// # Errors
/// Too many streams are open.
pub(super) fn stream(app: &App, asker: &Asker, query: Query, up_to: Position, form: Form) -> Result<Response, Problem> {
    let place = app.stream(asker.user)?;
    let left = Some(Query { limit: PAGE, ..query });
    let export = Export { app: app.clone(), asker: asker.clone(), form, left, up_to, begun: false, _place: place };
    let lines = stream::try_unfold(export, |mut export| async move {
        Ok::<_, ExportError>(export.next().await?.map(|lines| (lines, export)))
    });
    let kind = match form {
        Form::Ndjson => "application/x-ndjson",
        Form::Csv => "text/csv; charset=utf-8; header=present",
    };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (POSITION, HeaderValue::from(up_to.0))];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The stream breaks off, so that the client sees that it is not whole.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the sign-in ended")]
    SignInEnded,
    #[error("the server is stopping")]
    Stopping,
    #[error("the audit trail can't be read")]
    Failed,
}

impl Export {
    async fn next(&mut self) -> Result<Option<String>, ExportError> {
        let Some(query) = self.left.take() else { return Ok(None) };
        if *self.app.parts.stopping.borrow() {
            return Err(ExportError::Stopping);
        }
        if !self.app.may_judge(self.app.durable()).await && admitted(&self.app, &self.asker.principal).await.is_err() {
            return Err(ExportError::SignInEnded);
        }
        let rule = Rule::May(Action::ReadAudit);
        still_valid(&self.app, &self.asker, rule).map_err(|_| ExportError::SignInEnded)?;
        let (app, form, up_to) = (self.app.clone(), self.form, self.up_to);
        let head = if !self.begun && form == Form::Csv { csv::HEAD } else { "" };
        self.begun = true;
        let page = tokio::task::spawn_blocking(move || {
            let found = search(&app, &query, up_to)?;
            let mut lines = head.to_owned();
            for entry in &found.items {
                let event = AuditEvent::of(&app, entry);
                match form {
                    Form::Csv => lines.push_str(&csv::line(&event)),
                    Form::Ndjson => {
                        lines.push_str(&serde_json::to_string(&event).unwrap_or_default());
                        lines.push('\n');
                    }
                }
            }
            let left = found.next.map(|after| Query { after: Some(after), ..query });
            Ok::<_, SearchError>((lines, left))
        });
        let page = page.await.map_err(|error| drop(Problem::fault("an export failed", &error)));
        let page = page.and_then(|page| page.map_err(|error| drop(Problem::fault("an export failed", &error))));
        let (lines, left) = page.map_err(|()| ExportError::Failed)?;
        self.left = left;
        Ok(Some(lines))
    }
}

use super::{
    export::{self, Form},
    filter::Filter,
    search::{SearchError, search},
    view::AuditEvent,
};
use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Moment},
    problem::Problem,
};
use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use domain::Position;
use serde::Serialize;

/// A page of the audit trail.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct AuditPage {
    /// The page. May hold fewer than asked for, even none, while there is a next page.
    events: Vec<AuditEvent>,
    /// What to give as `after` for the next page; null when this is the last.
    next: Option<String>,
    /// The position that this is true at.
    #[schema(value_type = u64)]
    position: Position,
}

/// Searches the audit trail. With `Accept: application/x-ndjson` or `text/csv`, streams all that match.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", operation_id = "search_audit", params(Filter, AsOf),
    responses((status = 200, content(
        (AuditPage = "application/json"), (AuditEvent = "application/x-ndjson"), (String = "text/csv")))))]
pub(super) async fn list(look: Look<Filter>, headers: HeaderMap) -> Result<Response, Problem> {
    let up_to = match &look.moment {
        Moment::Present => look.app().parts.live.position(),
        Moment::Past(state, _) => state.position(),
    };
    let query = look.query.query(look.app()).await?;
    if let Some(form) = accepted(&headers)? {
        return export::stream(look.app(), &look.asker, query, up_to, form);
    }
    let app = look.app().clone();
    let page = tokio::task::spawn_blocking(move || {
        let found = search(&app, &query, up_to)?;
        let events: Vec<AuditEvent> = found.items.iter().map(|entry| AuditEvent::of(&app, entry)).collect();
        Ok::<_, SearchError>((events, found.next))
    });
    let (events, next) = page.await.map_err(|error| Problem::fault("the audit trail can't be read", &error))??;
    let next = next.map(|next| next.to_string());
    Ok(Shown::at(up_to, AuditPage { events, next, position: up_to }).into_response())
}

/// The form that the client asks for: the first that is known; none for a page of JSON.
fn accepted(headers: &HeaderMap) -> Result<Option<Form>, Problem> {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let kind = |part: &str| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let asked: Vec<String> = lines.flat_map(|line| line.split(',')).map(kind).collect();
    let known = asked.iter().find_map(|kind| match kind.as_str() {
        "application/x-ndjson" => Some(Some(Form::Ndjson)),
        "text/csv" => Some(Some(Form::Csv)),
        "application/json" | "application/*" | "*/*" => Some(None),
        _ => None,
    });
    match known {
        Some(form) => Ok(form),
        None if asked.is_empty() => Ok(None),
        None => {
            let forms = "application/json, application/x-ndjson or text/csv";
            Err(Problem::new("request.not_acceptable", format!("the audit trail can be given as {forms}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_form_is_taken() {
        let form = |accept: &str| accepted(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]));
        assert_eq!(form("text/csv").unwrap(), Some(Form::Csv));
        assert_eq!(form("text/html, application/x-ndjson;q=0.9").unwrap(), Some(Form::Ndjson));
        assert_eq!(form("*/*").unwrap(), None);
        assert_eq!(accepted(&HeaderMap::new()).unwrap(), None);
        assert_eq!(form("image/png").unwrap_err().status(), 406);
    }
}

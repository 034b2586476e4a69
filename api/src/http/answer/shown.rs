use crate::http::problem::Problem;
use axum::{
    Json,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::Position;
use projections::view::Listed;
use serde::Serialize;

/// The header that says which position an answer is true at.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("dkube-position");

/// The answer to a query.
#[derive(Debug)]
pub(crate) struct Shown<T> {
    /// The body.
    pub(crate) body: T,
    /// Where it is true.
    pub(crate) position: Position,
    /// The revision of the one thing that is shown.
    pub(crate) revision: Option<Position>,
}

impl<T> Shown<T> {
    /// Of many things, or of none that can be changed.
    pub(crate) const fn at(position: Position, body: T) -> Self {
        Self { body, position, revision: None }
    }

    /// Of one thing that was last configured at this revision.
    pub(crate) const fn one(position: Position, revision: Position, body: T) -> Self {
        Self { body, position, revision: Some(revision) }
    }
}

impl<T> Shown<Listed<T>> {
    /// A page of a list.
    ///
    /// # Errors
    /// There was no such page.
    pub(crate) fn list(page: Result<Listed<T>, Problem>) -> Result<Self, Problem> {
        page.map(|page| Self::at(page.position, page))
    }
}

impl<T: Serialize> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(POSITION, HeaderValue::from(self.position.0));
        if let Some(revision) = self.revision {
            let tag = HeaderValue::from_str(&format!("\"{revision}\"")).expect("a number is a header value");
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

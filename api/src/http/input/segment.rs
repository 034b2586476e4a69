use crate::http::problem::Problem;
use axum::{
    extract::{FromRequestParts, Path, rejection::PathRejection},
    http::request::Parts,
};
use std::{fmt::Display, str::FromStr};

/// The one variable part of the path.
#[derive(Debug, Clone)]
pub(crate) struct Segment<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let unreadable = |_: PathRejection| Problem::new("request.path", "the path is not percent-encoded UTF-8");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(unreadable)?;
        // The parsers of words never repeat the text in their errors.
        text.parse().map(Self).map_err(|error: T::Err| Problem::new("request.path", error.to_string()))
    }
}

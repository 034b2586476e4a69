use super::refusal;
use crate::http::problem::Problem;
use axum::{extract::FromRequestParts, http::request::Parts};
use serde::{Deserialize, de::DeserializeOwned};

/// The parameters of a call that has no past. What the call does not know is refused by name.
#[derive(Debug, Clone)]
pub(crate) struct Query<T>(pub(crate) T);

/// No parameters.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = pairs(parts);
        if pairs.iter().any(|(key, _)| key == "as_of") {
            return Err(Problem::new("as_of.unsupported", "this is measured or kept in memory, not recorded"));
        }
        parse(pairs).map(Self)
    }
}

/// Name and value of each parameter, decoded.
pub(super) fn pairs(parts: &Parts) -> Vec<(String, String)> {
    form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Takes the one value of this name out of the parameters.
///
/// # Errors
/// It is named twice.
pub(super) fn take(pairs: &mut Vec<(String, String)>, name: &str) -> Result<Option<String>, Problem> {
    let Some(at) = pairs.iter().position(|(key, _)| key == name) else { return Ok(None) };
    let (_, value) = pairs.remove(at);
    if pairs.iter().any(|(key, _)| key == name) {
        return Err(Problem::new("request.query", format!("{name} is given twice")));
    }
    Ok(Some(value))
}

/// The parameters as a value.
///
/// # Errors
/// A name that it does not know, or a value that it does not take.
pub(crate) fn parse<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let form = serde_urlencoded::Deserializer::new(form_urlencoded::parse(encoded.as_bytes()));
    serde_path_to_error::deserialize(form).map_err(|error| {
        let (path, told) = (error.path().to_string(), refusal(&error.inner().to_string()));
        Problem::new("request.query", if path == "." { told } else { format!("{path}: {told}") })
    })
}

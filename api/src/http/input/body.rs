use super::refusal;
use crate::{
    http::{app::App, auth::Asker, problem::Problem},
    secret_bytes::SecretBytes,
};
use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The largest body of somebody who is not signed in, in bytes.
const STRANGER_BYTES_MAX: usize = 16 * 1024;

/// A JSON body: within its bounds of size and time, and nothing in it that the call does not know.
#[derive(Debug)]
pub(crate) struct Body<T> {
    /// What it says.
    pub(crate) value: T,
    /// As it came: what an idempotency key is compared by. There may be a password in it.
    pub(crate) raw: SecretBytes,
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new("request.content_type", "the body is application/json"));
        }
        // Who is not signed in gets no megabyte of memory.
        let signed_in = request.extensions().get::<Asker>().is_some();
        let max = if signed_in { app.settings().body_bytes_max } else { STRANGER_BYTES_MAX };
        let raw = read(request.into_body(), max, app.settings().read_timeout).await?;
        let value = parse(&raw)?;
        Ok(Self { value, raw })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

async fn read(body: axum::body::Body, max: usize, timeout: Duration) -> Result<SecretBytes, Problem> {
    match tokio::time::timeout(timeout, gathered(Limited::new(body, max))).await {
        Err(_) => Err(Problem::new("request.slow", "the body did not come in time")),
        Ok(Ok(raw)) => Ok(raw),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new("request.too_large", format!("a body has at most {max} bytes")))
        }
        Ok(Err(_)) => Err(Problem::new("request.body", "the body ended early")),
    }
}

async fn gathered(mut body: Limited<axum::body::Body>) -> Result<SecretBytes, axum::BoxError> {
    let mut raw = SecretBytes::default();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            raw.extend(&data);
        }
    }
    Ok(raw)
}

fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, Problem> {
    // Serde would take a list for a struct, by the order of its fields.
    match raw.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(_) => return Err(Problem::new("request.body", "the body: a JSON object is expected")),
        None => return Err(Problem::new("request.body", "the body is empty: a JSON object is expected")),
    }
    let mut json = serde_json::Deserializer::from_slice(raw);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let told = match error.inner().classify() {
            serde_json::error::Category::Data => refusal(&error.inner().to_string()),
            // These say what is wrong with the form and where, never what stood there.
            _ => format!("it is not JSON: {}", error.inner()),
        };
        Problem::new("request.body", if path == "." { format!("the body: {told}") } else { format!("{path}: {told}") })
    })?;
    json.end().map_err(|_| Problem::new("request.body", "something follows the JSON"))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Planted;
    use axum::{http::StatusCode, response::IntoResponse as _};

    #[tokio::test]
    async fn what_came_is_not_left_in_memory() {
        let planted = Planted::new();
        {
            let mut sent = SecretBytes::with_capacity(planted.text().len() + 2);
            sent.extend(b"\"");
            sent.extend(planted.text().as_bytes());
            sent.extend(b"\"");
            let read = read(sent.into_shared().into(), 1000, Duration::from_mins(1)).await.unwrap();
            assert_eq!(read.len(), planted.text().len() + 2);
            let cut = self::read(read.into_shared().into(), 100, Duration::from_mins(1)).await.unwrap_err();
            assert_eq!(cut.into_response().status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
        planted.is_gone();
    }
}

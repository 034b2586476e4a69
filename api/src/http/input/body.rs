use super::refusal;
use crate::http::{app::App, auth::Asker, problem::Problem};
use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

/// The largest body of somebody who is not signed in, in bytes.
const STRANGER_BYTES_MAX: usize = 16 * 1024;

/// A JSON body: within its bounds of size and time, and nothing in it that the call does not know.
#[derive(Debug)]
pub(crate) struct Body<T> {
    /// What it says.
    pub(crate) value: T,
    /// As it came: what an idempotency key is compared by.
    pub(crate) raw: RawBody,
}

/// The bytes of a body. Never printed: there may be a password in it.
#[derive(Clone, Default)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl std::fmt::Debug for RawBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
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
        let raw = read(app, request.into_body(), max).await?;
        let value = parse(&raw)?;
        Ok(Self { value, raw: RawBody(raw) })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

async fn read(app: &App, body: axum::body::Body, max: usize) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(app.settings().read_timeout, Limited::new(body, max).collect()).await;
    match collected.map_err(|_| Problem::new("request.slow", "the body did not come in time"))? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new("request.too_large", format!("a body has at most {max} bytes")))
        }
        Err(_) => Err(Problem::new("request.body", "the body ended early")),
    }
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

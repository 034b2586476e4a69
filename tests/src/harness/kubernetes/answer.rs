//! The paths that are answered.
use super::{Gone, Shared, store::names, watch};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(default)]
    watch: Option<String>,
    resource_version: Option<String>,
    timeout_seconds: Option<u64>,
    limit: Option<usize>,
    #[serde(rename = "continue")]
    token: Option<String>,
}

pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/apis", get(groups))
        .route("/api/v1/{kind}", get(objects))
        .route("/apis/resource.k8s.io/v1/{kind}", get(objects))
        .fallback(|| async { status(404, "NotFound", "the server could not find the requested resource") })
        .with_state(shared)
}

async fn groups(State(shared): State<Shared>) -> Response {
    let store = shared.store();
    if let Some(code) = store.refused() {
        return refused(code);
    }
    let version = json!({ "groupVersion": "resource.k8s.io/v1", "version": "v1" });
    let group = json!({ "name": "resource.k8s.io", "versions": [version], "preferredVersion": version });
    let groups = if store.has_claims() { vec![group] } else { vec![] };
    Json(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })).into_response()
}

async fn objects(
    State(shared): State<Shared>,
    Path(kind): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Response {
    let refusal = shared.store().refused();
    if let Some(code) = refusal {
        return refused(code);
    }
    let Parameters { watch, resource_version, timeout_seconds, limit, token } = parameters;
    if watch.is_none_or(|watch| watch == "false") {
        return list(&shared, &kind, limit.unwrap_or(usize::MAX), token.as_deref());
    }
    let version = resource_version.and_then(|version| version.parse().ok()).unwrap_or_default();
    let too_old = shared.store().too_old(version);
    match too_old {
        Some(Gone::Status) => expired(),
        Some(Gone::Event) => {
            let event = json!({ "type": "ERROR", "object": failure(410, "Expired", "too old resource version") });
            (StatusCode::OK, Body::from(format!("{event}\n"))).into_response()
        }
        None => watch::answer(shared, kind, version, timeout_seconds.unwrap_or(300)),
    }
}

fn list(shared: &Shared, kind: &str, limit: usize, token: Option<&str>) -> Response {
    let Some(page) = shared.store().page(kind, limit, token) else { return expired() };
    let (name, api) = names(kind);
    let metadata = json!({ "resourceVersion": page.version.to_string(), "continue": page.next.unwrap_or_default() });
    let list = json!({ "kind": format!("{name}List"), "apiVersion": api, "metadata": metadata, "items": page.items });
    Json(list).into_response()
}

fn expired() -> Response {
    status(410, "Expired", "too old resource version")
}

fn refused(code: u16) -> Response {
    match code {
        401 => status(401, "Unauthorized", "Unauthorized"),
        403 => status(403, "Forbidden", "the service account may not list this"),
        code => status(code, "InternalError", "it is told to fail"),
    }
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(failure(code, reason, message))).into_response()
}

fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message })
}

/// Whether the process runs and answers.
#[utoipa::path(get, path = "/livez", tag = "health", operation_id = "live", security(()),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

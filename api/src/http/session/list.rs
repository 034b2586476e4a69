use crate::http::{
    answer::Shown,
    app::App,
    auth::Asker,
    input::{Nothing, Query},
};
use axum::extract::State;
use domain::{Login, Timestamp};
use projections::view::Listed;
use serde::Serialize;
use std::net::IpAddr;
use uuid::Uuid;

/// A session in the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ListedSession {
    /// Its id.
    id: Uuid,
    /// Whose it is.
    #[schema(value_type = String)]
    login: Login,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = String, format = DateTime)]
    used_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Where they signed in from.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// Whether it is the one that asks.
    current: bool,
}

/// One's own sessions; for operators and auditors, everybody's. The newest first.
#[utoipa::path(get, path = "/v1/sessions", tag = "session", operation_id = "list_sessions",
    responses((status = 200, body = Listed<ListedSession>)))]
pub(super) async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(Nothing {}): Query<Nothing>,
) -> Shown<Listed<ListedSession>> {
    let sessions = app.sessions.list(app.now(), |session| asker.sees_all() || session.user == asker.user);
    let current = asker.session().map(|(_, session)| session.id);
    let (position, items) = app.present(|state| {
        let cluster = state.cluster();
        // The session of a user who is deleted or suspended, or has another password, is over: it is only not swept yet.
        let items = sessions.iter().filter_map(|session| {
            let user = cluster.user(session.user).filter(|user| user.admits(session.via()).is_ok())?;
            Some(ListedSession {
                id: session.id,
                login: user.login.clone(),
                started_at: session.started_at,
                used_at: session.used_at,
                expires_at: session.expires_at,
                address: session.address,
                current: current == Some(session.id),
            })
        });
        (cluster.at().position, items.collect())
    });
    Shown::at(position, Listed { items, next: None, position })
}

//! The HTTP server: it parses, makes one call to the engine or a read model, and renders.
//!
//! One endpoint is one file under the folder of its noun. Who may use it is in one table (`auth/rules.rs`), what can go
//! wrong in another (`problem/table.rs`).
mod about;
mod alerts;
mod answer;
mod app;
mod audit;
mod auth;
mod backend;
mod devices;
mod directory;
mod events;
mod groups;
mod health;
mod health_policy;
mod input;
mod jobs;
mod layer;
mod license;
mod metrics;
mod nodes;
mod openapi;
mod overview;
mod pods;
mod pools;
pub mod port;
mod problem;
mod seldom;
mod serve;
mod session;
mod telemetry;
mod tls;
mod tokens;
mod users;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use app::{App, HttpSettings, Parts, PasswordCost};
pub(crate) use auth::Challenge;
pub use auth::{hash_password, password_fits};
pub(crate) use directory::keep_fresh;
pub(crate) use problem::find as problem_kind;
pub use serve::serve;
pub use tls::{Certificate, TlsError};

use axum::{Json, Router, middleware, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Everything that the server answers.
pub fn router(app: App) -> Router {
    let (routes, document) = routes();
    let document = openapi::complete(document);
    let shown = document.clone();
    let messages = bus::asyncapi::document();
    let docs = SwaggerUi::new("/docs").config(Config::from("/openapi.json").validator_url("none"));
    let routes = routes
        .route("/openapi.json", get(|| async move { Json(shown) }))
        .route("/asyncapi.json", get(|| async move { Json(messages) }))
        .route("/problems", get(problem::page::list))
        .route("/problems/{code}", get(problem::page::show))
        .route("/roles", get(auth::page::show))
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::gate))
        // The gate comes before this: it would have no rule for the page's files.
        .merge(docs)
        .fallback(|| async { problem::Problem::new("request.not_found", "there is no such path") })
        .layer(middleware::from_fn_with_state(app.clone(), layer::around));
    routes.with_state(app)
}

/// The OpenAPI document of everything that the server answers.
pub fn document() -> OpenApi {
    openapi::complete(routes().1)
}

fn routes() -> (Router<App>, OpenApi) {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(overview::routes())
        .merge(pools::routes())
        .merge(groups::routes())
        .merge(users::routes())
        .merge(nodes::routes())
        .merge(devices::routes())
        .merge(jobs::routes())
        .merge(pods::routes())
        .merge(audit::routes())
        .merge(events::routes())
        .merge(session::routes())
        .merge(backend::routes())
        .merge(directory::routes())
        .merge(tokens::routes())
        .merge(alerts::routes())
        .merge(health_policy::routes())
        .merge(license::routes())
        .merge(about::routes())
        .merge(telemetry::routes())
        .merge(health::routes())
        .split_for_parts()
}

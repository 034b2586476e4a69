//! The OpenAPI document: made from the handlers, with what all of them share added here.
use super::{
    auth::{Rule, rule_of},
    layer::tells_unheard,
    problem::{self, MEDIA_TYPE},
};
use axum::http::Method;
use domain::{Allowed, Role, token::Scope};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema as _, ToSchema as _,
    openapi::{
        Components, Content, Header, HeaderBuilder, Info, License, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
        Response, ResponseBuilder,
        extensions::{Extensions, ExtensionsBuilder},
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Schema, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

const ABOUT: &str = "Pools, groups, users, nodes, devices and jobs of a GPU cluster.\n\n\
    Every command is accepted or refused as a whole, and recorded. Failures are problem documents (RFC 9457) with a \
    stable `code`: see `/problems`. Who may what is at `/roles`: an operation's `x-dkube-roles` says which roles may, and whether `all` or \
    only what is their `own`; `x-dkube-token-scopes` which tokens, besides a session. Users are shown by login; `data` of events names them by id.";

/// The document before the handlers are added.
pub(super) fn base() -> OpenApi {
    let mut info = Info::new("DKube Operator", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    info.license = Some(license);
    let mut components = Components::new();
    let mut schemas = vec![(problem::Document::name().to_string(), problem::Document::schema())];
    problem::Document::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("dkube_…").build();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let cookie = ApiKeyValue::with_description("dkube_session", "Behind TLS it is called `__Host-dkube_session`.");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// Adds what all calls share: the headers of commands and queries, the problem document, and who may.
pub(super) fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::PUT, &mut item.put),
            (Method::POST, &mut item.post),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                describe(operation, &method, path);
            }
        }
    }
    document
}

fn describe(operation: &mut Operation, method: &Method, path: &str) {
    let rule = rule_of(method, path);
    let (dry_run, as_of) = (has(operation, "dry_run"), has(operation, "as_of"));
    let parameters = operation.parameters.get_or_insert_default();
    if dry_run {
        parameters.push(header(
            "Idempotency-Key",
            "Makes a repeat harmless: the same key and request get the same answer for 24 hours.",
            text(),
        ));
        parameters.push(header(
            "Dkube-Reason",
            "Why, for the audit trail: percent-encoded UTF-8, at most 1024 bytes.",
            text(),
        ));
        parameters.push(header(
            "Dkube-Planned-At",
            "Refuse (412) if anything that this is about was configured after this position.",
            number(),
        ));
        parameters.push(header("X-CSRF-Token", "With the session cookie: the `csrf_token` of the sign-in.", text()));
        if path.contains('{') {
            parameters.push(header(
                "If-Match",
                "Refuse (412) unless this is the revision, in double quotes; `*`: whatever it is.",
                text(),
            ));
        }
    }
    if as_of {
        parameters.push(header(
            "Dkube-Min-Position",
            "Wait until this position is shown: a moment, else 503.",
            number(),
        ));
    }
    if rule.is_some_and(|rule| rule != Rule::Open) {
        let none: [String; 0] = [];
        let session = SecurityRequirement::new("session", none.clone());
        let token = SecurityRequirement::new("token", none);
        let in_person = rule.is_some_and(Rule::needs_session);
        operation.security = Some(if in_person { vec![session] } else { vec![token, session] });
    }
    operation.extensions = rule.filter(|rule| *rule != Rule::Open).map(who_may);
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            // The standard wants one for each.
            response.description.push_str(if status == "201" { "Something was made" } else { "The answer" });
        }
        if dry_run || as_of {
            let about = "The position that the answer is true at.";
            response.headers.insert("Dkube-Position".to_owned(), answered(about, number()));
        }
        if tells_unheard(method, path) {
            let about = "Only while the server hears no agent for longer than a node may be silent, and not of the past: since \
                         when (RFC 3339). What is shown of nodes and devices is as it was then.";
            response.headers.insert("Dkube-Unheard-Since".to_owned(), answered(about, text()));
        }
    }
    operation.responses.responses.insert("default".to_owned(), RefOr::T(problem()));
}

/// Which roles may, by the table, and of which scope a token has to be: none where only a session is enough.
fn who_may(rule: Rule) -> Extensions {
    let mut extensions = ExtensionsBuilder::new();
    if let Some(action) = rule.action() {
        extensions = extensions.add("x-dkube-action", action.as_str());
    }
    let extent = |role: Role| match rule.allowed(role) {
        Allowed::No => None,
        Allowed::Own => Some((role.as_str(), "own")),
        Allowed::All => Some((role.as_str(), "all")),
    };
    let roles: BTreeMap<_, _> = Role::ALL.into_iter().filter_map(extent).collect();
    let scopes: Vec<_> = rule.scopes().into_iter().map(Scope::as_str).collect();
    extensions.add("x-dkube-roles", json!(roles)).add("x-dkube-token-scopes", json!(scopes)).build()
}

fn has(operation: &Operation, name: &str) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == name))
}

fn header(name: &str, about: &str, schema: Schema) -> RefOr<Parameter> {
    let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
    RefOr::T(header.description(Some(about)).schema(Some(schema)).build())
}

fn answered(about: &str, schema: Schema) -> RefOr<Header> {
    RefOr::T(HeaderBuilder::new().description(Some(about)).schema(Some(schema)).build())
}

fn text() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).into()
}

fn number() -> Schema {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).into()
}

fn problem() -> Response {
    let content = Content::new(Some(Ref::from_schema_name(problem::Document::name())));
    ResponseBuilder::new().description("A problem document").content(MEDIA_TYPE, content).build()
}

//! The gate before every route: who asks, and does the table let them.
use super::{
    Address, Asker, Credential, Rule, TokenSecret,
    asker::{judge, principal},
    attempts, cookie, rule_of,
    rules::methods_of,
};
use crate::http::{
    app::App,
    problem::{Problem, Refused, denied},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bus::engine::{Failure, Request as EngineRequest};
use domain::{Action, Command, Denied, Principal, access};
use std::time::Duration;

/// How long a sign-in that the read models do not know yet waits for them.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Lets a request pass to its handler, with an [`Asker`] where the route's rule wants one.
pub(crate) async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let rule = path.as_ref().and_then(|path| rule_of(request.method(), path.as_str()));
    let (Some(rule), Some(path)) = (rule, &path) else { return unruled(request.method(), path.as_ref()) };
    let open = rule == Rule::Open || (rule == METRICS && app.settings().open_metrics);
    if open {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let address = Address::of(app.settings(), &parts.extensions, &parts.headers);
    let operation = format!("{} {}", parts.method, path.as_str());
    let alone = rule == Rule::SignedIn || parts.method.is_safe() || NO_COMMANDS.contains(&operation.as_str());
    let (who, response) = match enter(&app, &parts.method, &parts.headers, rule, alone, address).await {
        Ok(asker) => {
            if matches!(rule, Rule::May(Action::ReadAudit | Action::Follow)) {
                attempts::audit_read(&app, &asker).await;
            }
            let who = asker.principal.clone();
            parts.extensions.insert(asker);
            (Some(who), next.run(Request::from_parts(parts, body)).await)
        }
        Err(Turned { who, problem }) => (who, problem.into_response()),
    };
    let refused = response.extensions().get::<Refused>().cloned();
    if let (Some(who), Some(refused)) = (who, refused) {
        attempts::refused(&app, who, &operation, refused).await;
    }
    response
}

/// The answer where the table has no rule, whatever the router has there: nothing is let pass that nobody guards.
fn unruled(method: &Method, path: Option<&MatchedPath>) -> Response {
    let path = path.map_or("", MatchedPath::as_str);
    let methods = methods_of(path);
    if methods.is_empty() {
        tracing::error!(%method, path, "a route is not in the table of who may: nobody is let pass");
        return Problem::new("server.fault", "the server failed; its log says more").into_response();
    }
    let allow = HeaderValue::from_str(&methods.join(",")).expect("methods are letters");
    let problem = Problem::new("request.method", "this path does not take this method");
    problem.header(header::ALLOW, allow).into_response()
}

/// What changes something and is no command. Whoever gives a command is judged once more by the engine, on the state that it is
/// decided on: so that somebody can be shut out while the read models stand still. All else is judged at the gate alone.
const NO_COMMANDS: [&str; 3] =
    ["DELETE /v1/sessions/{id}", "POST /v1/auth/backend/prove", "POST /v1/directory/refresh"];

/// Somebody who is not let pass.
struct Turned {
    /// Who, as far as they are known.
    who: Option<Principal>,
    problem: Problem,
}

impl From<Problem> for Turned {
    fn from(problem: Problem) -> Self {
        Self { who: None, problem }
    }
}

const METRICS: Rule = Rule::May(Action::ReadMetrics);

async fn enter(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    rule: Rule,
    alone: bool,
    Address(address): Address,
) -> Result<Asker, Turned> {
    let judged = || {
        let (credential, forged) = presented(app, method, headers)?;
        app.present(|state| {
            let (cluster, now) = (state.cluster(), app.now());
            let turned = |problem| Turned { who: principal(cluster, credential, address, now), problem };
            if forged {
                return Err(turned(Problem::new("auth.csrf", CSRF)));
            }
            let asker = judge(cluster, credential, rule, address, now).map_err(|reason| turned(denied(reason)))?;
            // Whoever has a token or a cookie of theirs is not where they are.
            let elsewhere = cluster.user(asker.user).is_some_and(|user| user.break_glass)
                && !app.settings().may_break_glass(address);
            if elsewhere { Err(turned(Problem::new("auth.not_from_here", NOT_FROM_HERE))) } else { Ok(asker) }
        })
    };
    let durable = app.durable();
    let mut verdict = judged();
    if app.parts.live.position() < durable {
        // What made this sign-in good may be recorded a moment ago, or its session renewed; or what ended it.
        let reached = match &verdict {
            Err(_) => app.reached(durable, CATCH_UP).await,
            Ok(asker) if alone => {
                let reached = app.may_judge(durable).await;
                if !reached {
                    let who = asker.principal.clone();
                    admitted(app, &who).await.map_err(|problem| Turned { who: Some(who), problem })?;
                }
                reached
            }
            Ok(_) => false,
        };
        if reached {
            verdict = judged();
        }
    }
    if let Ok(asker) = &verdict
        && let Some(token) = asker.principal.token()
    {
        app.last_used.used(token, app.now());
    }
    verdict
}

/// Asks the engine whether they may still come in, as at a sign-in: the read models do not know. How much they may is as the read
/// models have it: a lesser role ends sessions, and lowers a token once it is shown.
///
/// # Errors
/// They may not, or the engine does not say.
pub(crate) async fn admitted(app: &App, who: &Principal) -> Result<(), Problem> {
    let sign_in = Command::Access(access::Command::SignIn);
    let asked = app.parts.commands.submit(EngineRequest { dry_run: true, ..EngineRequest::new(who.clone(), sign_in) });
    match asked.await {
        Ok(_) => Ok(()),
        Err(Failure::Denied(reason)) => Err(denied(reason)),
        Err(_) => Err(Problem::new("position.not_reached", BEHIND).retry_after(1)),
    }
}

const NOT_FROM_HERE: &str = "the break-glass operator comes from the networks of break_glass_from alone";
const BEHIND: &str = "the read models are behind the log, and the log takes no questions: no sign-in can be judged";

const CSRF: &str = "with the session cookie, whatever writes carries the header X-CSRF-Token";

/// What was shown, and whether a foreign page may have had it sent.
fn presented(app: &App, method: &Method, headers: &HeaderMap) -> Result<(Credential, bool), Problem> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(line) = lines.next() {
        // A token that is wrong is never made good by a cookie.
        let invalid = || denied(Denied::Unknown);
        let text = line.to_str().ok().filter(|_| lines.next().is_none()).ok_or_else(invalid)?;
        let (scheme, token) = text.split_once(' ').ok_or_else(invalid)?;
        let secret = TokenSecret::parse(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"));
        return Ok((Credential::Token(secret.ok_or_else(invalid)?.hash()), false));
    }
    let missing = || Problem::new("auth.required", "this needs a sign-in");
    let secret = cookie::presented_secret(app.settings(), headers).ok_or_else(missing)?;
    let key = secret.key();
    let session = app.sessions.touch(&key, app.now()).ok_or_else(|| denied(Denied::Unknown))?;
    let safe = *method == Method::GET || *method == Method::HEAD;
    let token = headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
    let forged = !safe && !token.is_some_and(|token| secret.has_csrf(token));
    Ok((Credential::Session(key, session), forged))
}

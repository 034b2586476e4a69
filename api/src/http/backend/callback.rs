use super::{
    arrive::{self, Arrival},
    flow::{Aim, Flow},
    page::Page,
    provider::{self, callback_address},
};
use crate::{
    http::{
        answer::Names,
        app::App,
        auth::{Address, clear_flow, clear_presented, presented_flow, session_cookie, sign_in_failed},
        input::{Query, Segment},
        problem::{Problem, failed},
    },
    provider::{Answer, Person},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::engine::Request;
use domain::{
    Command, Login, Position, Principal, Reason,
    backend::{self, Identity},
};
use std::net::IpAddr;

/// Where a browser comes back to from the provider.
#[utoipa::path(get, path = "/auth/{kind}/callback", tag = "session", operation_id = "end_sign_in",
    params(("kind" = String, Path, description = "`github` or `oidc`")),
    responses((status = 303, description = "They are signed in, and go on"), (status = 200, description = "A page that says what came of it")),
    security(()))]
pub(super) async fn callback(
    State(app): State<App>,
    Address(address): Address,
    Segment(kind): Segment<String>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Response {
    match come_back(&app, address, &kind, answer, &headers).await {
        Ok(response) => response,
        Err(problem) => {
            let status = problem.status();
            let text = vec![problem.detail().to_owned(), problem.advice().to_owned()];
            let page = Page { status, title: "You are not signed in", text };
            ([(header::SET_COOKIE, clear_flow(app.settings()))], page).into_response()
        }
    }
}

async fn come_back(
    app: &App,
    address: Option<IpAddr>,
    kind: &str,
    answer: Answer,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let over = || Problem::new("auth.flow_over", "this sign-in is over, or was not begun here");
    let state = answer.state.as_deref().unwrap_or_default();
    let flow = app.flows.take(state, app.now()).filter(|flow| flow.kind.as_str() == kind).ok_or_else(over)?;
    let Flow { kind, pending, aim } = flow;
    if let Aim::Session { browser, .. } = &aim {
        // Another browser's answer may be somebody else's sign-in, slipped to this one.
        presented_flow(app.settings(), headers).filter(|secret| browser.is(secret)).ok_or_else(over)?;
    }
    app.catch_up().await;
    let stored = app.present(|state| {
        let standing = state.cluster().sign_in();
        match &aim {
            Aim::Session { .. } => standing.provider.clone(),
            Aim::Proof { proposal, .. } => {
                standing.proposal.as_ref().filter(|it| it.revision == *proposal).map(|it| it.provider.clone())
            }
        }
    });
    let changed = || Problem::new("auth.proposal_gone", "the backend was changed meanwhile: begin anew");
    let stored = stored.filter(|stored| stored.kind() == kind).ok_or_else(changed)?;
    let callback = callback_address(app, kind)?;
    let finished = provider::of(&stored)?.finish(&app.parts.outside, &callback, pending, answer).await;
    let person = match finished {
        Ok(person) => person,
        Err(error) => {
            app.metrics.sign_in("failed");
            sign_in_failed(app, None, error.code(), address).await;
            return Err(provider::unavailable(&error));
        }
    };
    let (identity, login) = known_as(&stored, &person)?;
    match aim {
        Aim::Session { then, .. } => {
            let Arrival { secret, to } = arrive::arrive(app, identity, login, address, then).await?;
            clear_presented(app, headers);
            let cookies = [(header::SET_COOKIE, clear_flow(app.settings()))];
            let mut response = (StatusCode::SEE_OTHER, cookies, [(header::LOCATION, to)]).into_response();
            if let Some(secret) = secret {
                response.headers_mut().append(header::SET_COOKIE, session_cookie(app.settings(), &secret));
            }
            Ok(response)
        }
        Aim::Proof { proposal, asker, reason } => {
            activate(app, *asker, reason, proposal, identity, login).await?;
            let text = vec![
                format!("The sign-in backend is {kind} from now on."),
                "Everybody signs in anew through it, you too. The break-glass operator keeps their password."
                    .to_owned(),
            ];
            Ok(Page { status: StatusCode::OK, title: "It is proven", text }.into_response())
        }
    }
}

/// Who somebody is in our words.
fn known_as(stored: &backend::Provider, person: &Person) -> Result<(Identity, Login), Problem> {
    let unfit = |what: String| Problem::new("provider.no_login", what);
    let identity = Identity::new(stored.realm(), &person.subject).map_err(|error| unfit(error.to_string()))?;
    let login = person.login.parse().map_err(|error: domain::WordError| unfit(error.to_string()))?;
    Ok((identity, login))
}

async fn activate(
    app: &App,
    asker: Principal,
    reason: Option<Reason>,
    proposal: Position,
    identity: Identity,
    login: Login,
) -> Result<(), Problem> {
    let command = Command::Backend(backend::Command::Activate { proposal, identity, login });
    let request = Request { reason, ..Request::new(asker, command) };
    let recorded = app.parts.commands.submit(request).await;
    recorded.map(drop).map_err(|failure| failed(failure, &Names::at(app, app.durable())))
}

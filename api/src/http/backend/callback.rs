use super::{
    arrive,
    consent::{self, Asked},
    flow::{Aim, Flow, Then},
    page::Page,
    provider::{self, asking, callback_address, within},
};
use crate::{
    http::{
        answer::Names,
        app::App,
        auth::{Address, clear_flow, clear_presented, presented_flow, refused, session_cookie, sign_in_failed},
        directory::Place,
        input::{Query, Segment},
        problem::{Problem, Refused, failed},
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
use std::{net::IpAddr, time::Duration};

/// How long a provider may take to say who somebody is: less than a request may.
const FINISH_WITHIN: Duration = Duration::from_secs(20);

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
            let page = Page { status, title: "That did not work: nothing has changed", text, form: None };
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
    let _place = asking(app)?;
    let provider = provider::of(&stored)?;
    let finished = provider.finish(&app.parts.outside, &callback, pending, answer);
    let slow = || Problem::new("provider.unreachable", "the provider does not answer in time: try again in a while");
    let known = match tokio::time::timeout(FINISH_WITHIN, finished).await {
        Ok(Ok(person)) => known_as(&stored, &person),
        Ok(Err(error)) => Err(provider::unavailable(&error)),
        Err(_) => Err(slow()),
    };
    let (identity, login) = match known {
        Ok(known) => known,
        Err(problem) => {
            app.metrics.sign_in("failed");
            sign_in_failed(app, None, problem.code(), address).await;
            return Err(problem);
        }
    };
    match aim {
        Aim::Session { browser, then } => {
            // What was proven counts for the backend that it was proven to.
            app.catch_up().await;
            let same = app.present(|state| state.cluster().sign_in().provider.as_ref() == Some(&stored));
            if !same {
                return Err(changed());
            }
            let proven = arrive::recognised(app, &Place::of(&stored), &identity, &login, address).await?;
            match then {
                Then::Path(path) => {
                    let (secret, ..) = arrive::session(app, proven).await?;
                    clear_presented(app, headers);
                    let cookies = [(header::SET_COOKIE, clear_flow(app.settings()))];
                    let to = within(app, &path);
                    let mut response = (StatusCode::SEE_OTHER, cookies, [(header::LOCATION, to)]).into_response();
                    let cookie = session_cookie(app.settings(), &secret);
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                    Ok(response)
                }
                Then::Program { port, challenge } => {
                    let asked = Asked { proven, port, challenge };
                    let page = consent::page(app, &login, &asked);
                    app.consents.keep(browser, asked, app.now());
                    Ok(page.into_response())
                }
            }
        }
        Aim::Proof { proposal, asker, reason } => {
            let recorded = activate(app, (*asker).clone(), reason, proposal, identity, login).await;
            if let Err(problem) = recorded {
                if problem.status() == StatusCode::FORBIDDEN {
                    let code = problem.code().to_owned();
                    refused(app, *asker, "GET /auth/{kind}/callback", Refused { code }).await;
                }
                return Err(problem);
            }
            let text = vec![
                format!("The sign-in backend is {kind} from now on."),
                "Everybody signs in anew through it, you too. The break-glass operator keeps password, sessions and tokens."
                    .to_owned(),
            ];
            Ok(Page { status: StatusCode::OK, title: "It is proven", text, form: None }.into_response())
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

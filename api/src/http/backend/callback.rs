use super::{
    arrive,
    consent::{self, Asked, to_program},
    flow::{Aim, Flow, Then},
    page::Page,
    provider::{self, asking, callback_address, within},
};
use crate::{
    http::{
        answer::Names,
        app::App,
        auth::{
            Address, Asker, Proven, Rule, clear_flow, clear_presented, presented_flow, refused, session_cookie,
            sign_in_failed, still_valid,
        },
        directory::Place,
        input::{Query, Segment},
        problem::{Problem, Refused, denied, failed},
        session,
    },
    provider::{Answer, Pending, Person},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::engine::Request;
use domain::{
    Action, Command, Login, Position, Reason,
    backend::{self, BackendKind, Identity},
};
use std::{net::IpAddr, time::Duration};

/// How long a provider may take to say who somebody is: less than a request may.
const FINISH_WITHIN: Duration = Duration::from_secs(20);

/// Somebody whom the provider has sent back.
struct Returned {
    kind: BackendKind,
    pending: Pending,
    answer: Answer,
    address: Option<IpAddr>,
}

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
    let answer = come_back(&app, address, &kind, answer, &headers).await;
    answer.unwrap_or_else(|problem| Page::of(&problem).into_response())
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
    let returned = Returned { kind, pending, answer, address };
    let (browser, then) = match aim {
        Aim::Session { browser, then } => (browser, then),
        Aim::Proof { proposal, asker, reason } => return proven(app, returned, proposal, *asker, reason).await,
    };
    // Another browser's answer may be somebody else's sign-in, slipped to this one.
    let secret = presented_flow(app.settings(), headers).filter(|secret| browser.is(secret)).ok_or_else(over)?;
    let signed_in = signed_in(app, returned).await;
    match then {
        Then::Path(path) => {
            let secret = session::open(app, signed_in?.0).await?.secret;
            clear_presented(app, headers);
            let cookies = [(header::SET_COOKIE, clear_flow(app.settings()))];
            let to = within(app, &path);
            let mut response = (StatusCode::SEE_OTHER, cookies, [(header::LOCATION, to)]).into_response();
            response.headers_mut().append(header::SET_COOKIE, session_cookie(app.settings(), &secret));
            Ok(response)
        }
        Then::Program { port, challenge } => Ok(match signed_in {
            Ok((proven, login)) => consent::ask(app, &secret, &login, Asked { proven, port, challenge }),
            // It would wait for somebody who does not come.
            Err(problem) => to_program(port, &[("error", problem.code()), ("error_description", problem.detail())]),
        }),
    }
}

/// Who it is that the active provider has sent back, if they may come in.
async fn signed_in(app: &App, returned: Returned) -> Result<(Proven, Login), Problem> {
    let active = || app.present(|state| state.cluster().sign_in().provider.clone());
    let changed = || Problem::new("auth.flow_over", "the sign-in backend was changed meanwhile: begin anew");
    app.catch_up().await;
    let stored = active().filter(|stored| stored.kind() == returned.kind).ok_or_else(changed)?;
    let address = returned.address;
    let (identity, login) = told(app, &stored, returned).await?;
    // What was proven counts for the backend that it was proven to.
    app.catch_up().await;
    if active().as_ref() != Some(&stored) {
        return Err(changed());
    }
    let proven = arrive::recognised(app, &Place::of(&stored), &identity, &login, address).await?;
    Ok((proven, login))
}

/// The proposed provider has sent back its operator: it takes effect.
async fn proven(
    app: &App,
    returned: Returned,
    proposal: Position,
    asker: Asker,
    reason: Option<Reason>,
) -> Result<Response, Problem> {
    let kind = returned.kind;
    let gone = || Problem::new("auth.proposal_gone", "the proposal was changed meanwhile");
    app.catch_up().await;
    let proposed = app.present(|state| state.cluster().sign_in().proposal.clone());
    let proposed = proposed.filter(|it| it.revision == proposal && it.provider.kind() == kind).ok_or_else(gone)?;
    let (identity, login) = told(app, &proposed.provider, returned).await?;
    let command = Command::Backend(backend::Command::Activate { proposal, identity, login });
    if let Err(problem) = activate(app, &asker, reason, command).await {
        if problem.status() == StatusCode::FORBIDDEN {
            let code = problem.code().to_owned();
            refused(app, asker.principal, "GET /auth/{kind}/callback", Refused { code }).await;
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

async fn activate(app: &App, asker: &Asker, reason: Option<Reason>, command: Command) -> Result<(), Problem> {
    still_valid(app, asker, Rule::InPerson(Action::ManageBackend)).map_err(denied)?;
    let request = Request { reason, ..Request::new(asker.principal.clone(), command) };
    let recorded = app.parts.commands.submit(request).await;
    recorded.map(drop).map_err(|failure| failed(failure, &Names::at(app, app.durable())))
}

/// Who the provider says it is.
async fn told(app: &App, stored: &backend::Provider, returned: Returned) -> Result<(Identity, Login), Problem> {
    let Returned { kind, pending, answer, address } = returned;
    let callback = callback_address(app, kind)?;
    let provider = provider::of(stored)?;
    let _place = asking(app, address)?;
    let finished = provider.finish(&app.parts.outside, &callback, pending, answer);
    let slow = || Problem::new("provider.unreachable", "the provider does not answer in time: try again in a while");
    let known = match tokio::time::timeout(FINISH_WITHIN, finished).await {
        Ok(Ok(person)) => known_as(stored, &person),
        Ok(Err(error)) => Err(provider::unavailable(&error)),
        Err(_) => Err(slow()),
    };
    if let Err(problem) = &known {
        app.metrics.sign_in("failed");
        sign_in_failed(app, None, problem.code(), address).await;
    }
    known
}

/// Who somebody is in our words.
fn known_as(stored: &backend::Provider, person: &Person) -> Result<(Identity, Login), Problem> {
    let unfit = |what: String| Problem::new("provider.no_login", what);
    let identity = Identity::new(stored.realm(), &person.subject).map_err(|error| unfit(error.to_string()))?;
    let login = person.login.parse().map_err(|error: domain::WordError| unfit(error.to_string()))?;
    Ok((identity, login))
}

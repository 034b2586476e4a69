use super::{
    arrive,
    consent::{self, Asked, not_to_come},
    flow::{Aim, Flow, Then},
    page::{self, Page},
    provider::{self, asking, callback_address, paced, unavailable, unavailable_to_visitor, within},
};
use crate::{
    http::{
        answer::Names,
        app::App,
        auth::{Address, Asker, Proven, clear_presented, presented_flow, refused, session_cookie, sign_in_failed},
        directory::Place,
        input::{Query, Segment},
        problem::{Problem, Refused, failed},
        session,
    },
    provider::{Answer, Pending, Person, ProviderError},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bus::engine::Request;
use domain::{
    Command, Login, Position, Reason, Warning,
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
    answer.unwrap_or_else(|problem| page::failed(&problem))
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
            // The flow's cookie stays: it may be that of another window's sign-in as well.
            let cookies = [(header::SET_COOKIE, session_cookie(app.settings(), &secret))];
            Ok((StatusCode::SEE_OTHER, cookies, [(header::LOCATION, within(app, &path))]).into_response())
        }
        Then::Program { port, challenge } => Ok(match signed_in {
            Ok((proven, login)) => consent::ask(app, &secret, &login, Asked { proven, port, challenge }),
            Err(problem) => not_to_come(port, &problem),
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
    let attempt = paced(app, address)?;
    let told = told(app, &stored, returned, |error| unavailable_to_visitor(app, error)).await;
    // What the provider was asked in vain for counts; that it has troubles does not.
    if told.as_ref().err().is_none_or(|problem| !["provider.answer", "provider.refused"].contains(&problem.code())) {
        app.slowdown.succeeded(&attempt, app.now());
    }
    let (identity, login) = told?;
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
    let (identity, login) = told(app, &proposed.provider, returned, |error| unavailable(app, error)).await?;
    let command = Command::Backend(backend::Command::Activate { proposal, identity, login });
    let warnings = match activate(app, &asker, reason, command).await {
        Ok(warnings) => warnings,
        Err(problem) => {
            if problem.status() == StatusCode::FORBIDDEN {
                let code = problem.code().to_owned();
                refused(app, asker.principal, "GET /auth/{kind}/callback", Refused { code }).await;
            }
            return Err(problem);
        }
    };
    let mut text = vec![
        format!("The sign-in backend is {kind} from now on."),
        "Everybody signs in anew through it, you too. The break-glass operator keeps password, sessions and tokens."
            .to_owned(),
    ];
    text.extend(warnings.iter().filter_map(|warning| match warning {
        Warning::UsersNotLinked { users } => Some(format!(
            "Users whom it does not know, {users} in all, keep their groups and history, and can't sign in until an operator links each to who they are there (dkube user link)."
        )),
        _ => None,
    }));
    Ok(Page { status: StatusCode::OK, title: "It is proven", text, form: None }.into_response())
}

async fn activate(app: &App, asker: &Asker, reason: Option<Reason>, command: Command) -> Result<Vec<Warning>, Problem> {
    let request = Request { reason, ..Request::new(asker.principal.clone(), command) };
    let recorded = app.parts.commands.submit(request).await;
    recorded.map(|answer| answer.warnings).map_err(|failure| failed(failure, &Names::at(app, app.durable())))
}

/// Who the provider says it is; `unable` words why it does not, for whoever sees it.
async fn told(
    app: &App,
    stored: &backend::Provider,
    returned: Returned,
    unable: impl Fn(&ProviderError) -> Problem,
) -> Result<(Identity, Login), Problem> {
    let Returned { kind, pending, answer, address } = returned;
    let callback = callback_address(app, kind)?;
    let provider = provider::of(stored)?;
    let _place = asking(app, address)?;
    let finished = provider.finish(&app.parts.outside, &callback, pending, answer);
    let slow = || Problem::new("provider.unreachable", "the provider does not answer in time: try again in a while");
    let known = match tokio::time::timeout(FINISH_WITHIN, finished).await {
        Ok(Ok(person)) => known_as(stored, &person),
        Ok(Err(error)) => Err(unable(&error)),
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

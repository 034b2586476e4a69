//! A program on the browser's machine asks for the session: whoever sits there is asked first, as no cookie tells who began it (RFC
//! 8252 §8.6).
use super::{
    flow::Browser,
    page::{self, Form, Page},
    provider::within,
};
use crate::http::{
    app::App,
    auth::{Challenge, Proven, SessionSecret, Shelf, flow_cookie, presented_flow, random_id},
    input::Query,
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Login, Timestamp};
use reqwest::Url;
use serde::Deserialize;
use uuid::Uuid;

/// A program that asks.
pub(super) struct Asked {
    pub(super) proven: Proven,
    pub(super) port: u16,
    pub(super) challenge: Challenge,
}

/// Programs that ask, each by the page that somebody is shown, with the browser that shows it.
pub(crate) struct Consents(Shelf<Uuid, (Browser, Asked)>);

impl Default for Consents {
    /// Somebody may think about it for five minutes, and a thousand at a time.
    fn default() -> Self {
        Self(Shelf::new(300, 1000))
    }
}

impl Consents {
    fn keep(&self, browser: Browser, asked: Asked, now: Timestamp) -> Uuid {
        let page = random_id();
        self.0.keep(page, (browser, asked), now);
        page
    }

    /// What was asked on that page, if it is this browser that shows it: a page that another site had it open is answered by no
    /// form of that site, which does not know its number.
    fn take(&self, page: Uuid, secret: &SessionSecret, now: Timestamp) -> Option<Asked> {
        let (browser, asked) = self.0.take(page, now)?;
        browser.is(secret).then_some(asked)
    }
}

/// Asks whoever sits at the browser, on a page.
pub(super) fn ask(app: &App, secret: &SessionSecret, login: &Login, asked: Asked) -> Response {
    let (port, check) = (asked.port, asked.challenge.check());
    let page = app.consents.keep(Browser::of(secret), asked, app.now());
    let page = Page {
        status: StatusCode::OK,
        title: "Let a program on this machine sign in?",
        text: vec![
            format!("It asks to be signed in as {login}, and listens at port {port} of this machine."),
            format!("Go on only if you have begun this yourself, and it shows the check {check}."),
        ],
        form: Some(Form { action: within(app, &format!("/auth/program?asked={page}")), button: "Let it sign in" }),
    };
    // It lasts for as long as the page does.
    ([(header::SET_COOKIE, flow_cookie(app.settings(), secret))], page).into_response()
}

/// Which page is answered.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Answered {
    /// The page's number, as its form has it.
    asked: Uuid,
}

/// Whoever sits at the browser agrees: it goes on to the program, with a code for the session.
#[utoipa::path(post, path = "/auth/program", tag = "session", operation_id = "let_program_sign_in", params(Answered),
    responses((status = 303, description = "The browser goes on to the program")), security(()))]
pub(super) async fn agree(
    State(app): State<App>,
    Query(Answered { asked }): Query<Answered>,
    headers: HeaderMap,
) -> Response {
    let secret = presented_flow(app.settings(), &headers);
    let Some(asked) = secret.and_then(|secret| app.consents.take(asked, &secret, app.now())) else {
        let over = Problem::new("auth.flow_over", "no program asks to be signed in by this page any more");
        return page::failed(&over);
    };
    let Asked { proven, port, challenge } = asked;
    let code = app.codes.keep(proven, challenge, app.now());
    to_program(port, &[("code", &code.to_string())])
}

/// Tells the program why nobody comes: it would wait.
pub(super) fn not_to_come(port: u16, problem: &Problem) -> Response {
    to_program(port, &[("error", problem.code()), ("error_description", problem.detail())])
}

/// Sends the browser on to the program, with a code or with why there is none (RFC 6749 §4.1.2.1).
fn to_program(port: u16, told: &[(&str, &str)]) -> Response {
    let mut to = Url::parse("http://127.0.0.1/").expect("it is an address");
    to.set_port(Some(port)).expect("this sort of address has ports");
    to.query_pairs_mut().extend_pairs(told);
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.as_str())]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Position, UserId};

    #[test]
    fn a_page_is_answered_once_by_the_browser_that_shows_it() {
        let (consents, now) = (Consents::default(), Timestamp::from_micros(0));
        let (mine, others) = (SessionSecret::generate(), SessionSecret::generate());
        let keep = |port| {
            let proven = Proven { user: UserId(Uuid::nil()), since: Position(1), address: None };
            consents.keep(Browser::of(&mine), Asked { proven, port, challenge: Challenge([7; 32]) }, now)
        };
        let (one, two) = (keep(4001), keep(4002));
        assert!(consents.take(random_id(), &mine, now).is_none());
        assert_eq!(consents.take(one, &mine, now).map(|asked| asked.port), Some(4001));
        assert!(consents.take(one, &mine, now).is_none());
        assert!(consents.take(two, &others, now).is_none());
    }
}

//! A program on the browser's machine asks for the session: whoever sits there is asked first, as no cookie tells who began it (RFC
//! 8252 §8.6).
use super::{
    flow::Browser,
    page::{Form, Page},
    provider::within,
};
use crate::http::{
    app::App,
    auth::{Proven, clear_flow, presented_flow},
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{Login, Timestamp};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// For so many seconds somebody may think about it.
const LASTS: i64 = 300;

/// The most at a time.
const MAX: usize = 1000;

/// A program that asks.
pub(super) struct Asked {
    pub(super) proven: Proven,
    pub(super) port: u16,
    pub(super) challenge: [u8; 32],
}

/// Programs that ask, by the browser that is to answer.
#[derive(Default)]
pub(crate) struct Consents(Mutex<HashMap<Browser, (Asked, Timestamp)>>);

impl Consents {
    pub(super) fn keep(&self, browser: Browser, asked: Asked, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, until)| now < *until);
        if kept.len() >= MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, (_, until))| *until).map(|(browser, _)| *browser)
        {
            kept.remove(&oldest);
        }
        kept.insert(browser, (asked, now.plus_seconds(LASTS)));
    }

    fn take(&self, browser: Browser, now: Timestamp) -> Option<Asked> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&browser);
        taken.filter(|(_, until)| now < *until).map(|(asked, _)| asked)
    }
}

/// Eight digits of what a program shows for its session: it prints them as well.
fn check(challenge: &[u8; 32]) -> String {
    let digits: Vec<String> = challenge[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The page that asks.
pub(super) fn page(app: &App, login: &Login, asked: &Asked) -> Page {
    let (port, check) = (asked.port, check(&asked.challenge));
    Page {
        status: StatusCode::OK,
        title: "Let a program on this machine sign in?",
        text: vec![
            format!("It asks to be signed in as {login}, and listens at port {port} of this machine."),
            format!("Go on only if you have begun this yourself, and it shows the check {check}."),
        ],
        form: Some(Form { action: within(app, "/auth/program"), button: "Let it sign in" }),
    }
}

/// Whoever sits at the browser agrees: it goes on to the program, with a code for the session.
#[utoipa::path(post, path = "/auth/program", tag = "session", operation_id = "let_program_sign_in",
    responses((status = 303, description = "The browser goes on to the program")), security(()))]
pub(super) async fn agree(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    // The cookie does not come along with another site's form (`SameSite=Lax`).
    let over = || Problem::new("auth.flow_over", "nothing asks to be signed in by this browser");
    let browser = presented_flow(app.settings(), &headers).map(|secret| Browser::of(&secret)).ok_or_else(over)?;
    let Asked { proven, port, challenge } = app.consents.take(browser, app.now()).ok_or_else(over)?;
    let code = app.codes.keep(proven, challenge, app.now());
    let to = format!("http://127.0.0.1:{port}/?code={code}");
    let cookie = clear_flow(app.settings());
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie)], [(header::LOCATION, to)]).into_response())
}

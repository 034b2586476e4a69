use super::{Nothing, header, query};
use crate::http::{app::App, auth::Asker, problem::Problem};
use axum::{extract::FromRequestParts, http::request::Parts};
use bus::engine::Failure;
use domain::{Position, Timestamp};
use projections::{PastError, State, view};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A query: who asks, what the cluster looked like when, and the parameters `Q` that this call takes besides `as_of`.
#[derive(Debug)]
pub(crate) struct Look<Q = Nothing> {
    /// Who asks.
    pub(crate) asker: Asker,
    /// The call's own parameters.
    pub(crate) query: Q,
    /// When.
    pub(crate) moment: Moment,
    app: App,
}

/// Any query of recorded things can be asked as of a past position or time.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only documents what Look reads")]
pub(crate) struct AsOf {
    /// A position, or a time (RFC 3339), that is past: what was so then.
    #[param(required = false, value_type = String, example = "2026-03-01T12:00:00Z")]
    as_of: String,
}

/// Which cluster is looked at.
#[derive(Debug, Clone)]
pub(crate) enum Moment {
    /// As it is.
    Present,
    /// As it was, with the time to judge expiries at.
    Past(Arc<State>, Timestamp),
}

impl<Q: DeserializeOwned + Send> FromRequestParts<App> for Look<Q> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let asker = Asker::from_request_parts(parts, app).await?;
        let mut pairs = query::pairs(parts);
        let as_of = query::take(&mut pairs, "as_of")?;
        let query = query::parse(pairs)?;
        if let Some(position) = header::position(&parts.headers, "dkube-min-position")? {
            wait_for(app, position).await?;
        }
        let moment = match as_of {
            None => Moment::Present,
            Some(text) => past(app, &text).await?,
        };
        Ok(Self { asker, query, moment, app: app.clone() })
    }
}

/// Waits until the read models have reached a position that the client saw.
pub(crate) async fn wait_for(app: &App, position: Position) -> Result<(), Problem> {
    if app.reached(position, app.settings().position_timeout).await {
        return Ok(());
    }
    let at = app.parts.live.position();
    let detail = format!("what can be shown ends at position {at}, and {position} was asked for");
    Err(Problem::new("position.not_reached", detail).retry_after(1))
}

async fn past(app: &App, text: &str) -> Result<Moment, Problem> {
    let (position, time) = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let position = text.parse().map(Position).map_err(|_| future("there is no such position yet"))?;
        if position > app.durable() {
            return Err(future(format!("position {position} is not recorded yet")));
        }
        (position, None)
    } else {
        let wrong = |error| Problem::new("request.query", format!("as_of is a position, or a time: {error}"));
        let time: Timestamp = text.parse().map_err(|error: domain::TimestampError| wrong(error))?;
        (position_at(app, time).await?, Some(time))
    };
    wait_for(app, position).await?;
    let state = app.parts.past.at(position, app.settings().past_timeout).await.map_err(|error| match &error {
        PastError::Future { .. } | PastError::Busy | PastError::Slow(_) => {
            Problem::new("server.overloaded", error.to_string()).retry_after(1)
        }
        PastError::Stopping => Problem::new("server.stopping", error.to_string()).retry_after(5),
        PastError::Source(_) | PastError::Failed(..) => Problem::fault("the past can't be shown", &error),
    })?;
    let judged_at = time.unwrap_or_else(|| state.stamp().recorded_at);
    Ok(Moment::Past(state, judged_at))
}

/// The last position at or before a time, once nothing can be recorded there any more.
async fn position_at(app: &App, time: Timestamp) -> Result<Position, Problem> {
    let late = |failure: Failure| match failure {
        Failure::Overloaded => Problem::new("server.overloaded", failure.to_string()).retry_after(1),
        _ => Problem::new("server.stopping", "the log is closing").retry_after(5),
    };
    let barrier = app.parts.commands.barrier().await.map_err(late)?;
    if time > barrier.at {
        return Err(future("the time has not come yet"));
    }
    wait_for(app, barrier.position).await?;
    let past = app.parts.past.clone();
    let found = tokio::task::spawn_blocking(move || past.position_at(time)).await;
    let found = found.map_err(|error| Problem::fault("a position can't be looked up", &error))?;
    Ok(found.map_err(|error| Problem::fault("a position can't be looked up", &error))?.min(barrier.position))
}

fn future(detail: impl Into<String>) -> Problem {
    Problem::new("as_of.future", detail)
}

impl<Q> Look<Q> {
    /// Shows what the asker may see, as it is or was. Must not look again inside.
    pub(crate) fn view<T>(&self, show: impl FnOnce(view::Look<'_>) -> T) -> T {
        let sight = self.asker.sight();
        match &self.moment {
            Moment::Present => self.app.present(|state| show(state.look(sight, self.app.now()))),
            Moment::Past(state, at) => show(state.look(sight, *at)),
        }
    }

    /// Reads what no view shows.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        match &self.moment {
            Moment::Present => self.app.present(read),
            Moment::Past(state, _) => read(state),
        }
    }

    /// What a view found: where there is nothing, those who see only their own are not told why.
    ///
    /// # Errors
    /// There is nothing, or nothing for the asker.
    pub(crate) fn found<T>(
        &self,
        found: Option<T>,
        code: &'static str,
        what: impl std::fmt::Display,
    ) -> Result<T, Problem> {
        let all = self.asker.sees_all();
        found.ok_or_else(|| if all { Problem::new(code, format!("there is no {what}")) } else { Asker::not_own() })
    }

    /// Whether the present is looked at: what is measured can be shown.
    pub(crate) const fn is_present(&self) -> bool {
        matches!(self.moment, Moment::Present)
    }

    /// What every handler can reach.
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }
}

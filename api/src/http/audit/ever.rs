//! Whether something ever was: a filter that names what never existed is a mistake, and not an empty list.
use super::search::page;
use crate::http::{app::App, input::Look, problem::Problem};
use domain::{Model, Subject};
use projections::{Filter, Order, Query, State};

/// Whether the read models show this of the present, once they know what is durable. As long as they don't, nobody can
/// say that it is not so.
pub(crate) async fn is_so(app: &App, so: impl Fn(&State) -> bool) -> bool {
    if app.present(&so) {
        return true;
    }
    let durable = app.durable();
    app.catch_up().await;
    app.parts.live.position() < durable || app.present(so)
}

/// Whether there is or ever was such a thing, as far as that can be told.
///
/// # Errors
/// The log can't be read.
pub(super) async fn ever(app: &App, subject: &Subject) -> Result<bool, Problem> {
    let known = |state: &State| match subject {
        Subject::User(id) => state.names().knows(*id),
        other => state.cluster().revision(other).is_some(),
    };
    if is_so(app, known).await {
        return Ok(true);
    }
    let filter = Filter { subjects: Some(vec![subject.clone()]), ..Filter::default() };
    let mut query = Query { filter, order: Order::OldestFirst, after: None, limit: 1 };
    let end = app.parts.live.position();
    loop {
        let found = page(app, query.clone(), end).await?;
        match found.next {
            Some(next) if found.items.is_empty() => query.after = Some(next),
            _ => return Ok(!found.items.is_empty()),
        }
    }
}

/// Refuses a filter of that parameter which names what never was. Who sees only their own is not told what there is.
///
/// # Errors
/// It never was, or the log can't be read.
pub(crate) async fn known<Q>(look: &Look<Q>, parameter: &str, subject: Option<Subject>) -> Result<(), Problem> {
    let Some(subject) = subject.filter(|_| look.asker.sees_all()) else { return Ok(()) };
    if ever(look.app(), &subject).await? {
        return Ok(());
    }
    Err(Problem::new("request.query", format!("{parameter}: there is no {subject}, and there never was")))
}

/// Refuses a filter that names a model which no device is of.
///
/// # Errors
/// No device is of it.
pub(crate) async fn known_model<Q>(look: &Look<Q>, model: Option<&Model>) -> Result<(), Problem> {
    let Some(model) = model.filter(|_| look.asker.sees_all()) else { return Ok(()) };
    let has = |state: &State| state.cluster().devices().values().any(|device| device.model == *model);
    let known = is_so(look.app(), has).await;
    let unknown = || Problem::new("request.query", format!("model: no device of model {model} is known"));
    known.then_some(()).ok_or_else(unknown)
}

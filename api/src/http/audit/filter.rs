use crate::http::{answer::Paging, app::App, problem::Problem};
use domain::{Position, Timestamp};
use projections::{Query, actors, subjects};
use serde::Deserialize;

/// Which events: those that fit all that is said.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// By whom: `user/<login>` or `user/<id>` (deleted users too), `agent/<node>`, `system`.
    #[param(example = "user/ada")]
    actor: Option<String>,
    /// About what: `pool/<name>`, `group/<name>`, `user/<login>` or `user/<id>`, `node/<name>`, `device/GPU-<uuid>`,
    /// `job/<id>`, `token/<id>`, `cluster`.
    #[param(example = "pool/vision")]
    subject: Option<String>,
    /// What happened: event types, joined by commas.
    #[serde(rename = "type")]
    #[param(example = "PoolCreated,PoolDeleted")]
    types: Option<String>,
    /// Recorded at this time or later.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Recorded before this time.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// `desc`: the newest first, which is so where nothing is said; `asc`: the oldest first.
    #[param(value_type = Option<String>)]
    order: Option<Order>,
    /// At most so many: 1 to 1000. An export gives all.
    #[param(value_type = Option<u32>)]
    limit: Option<Paging>,
    /// Only what comes after this in the order asked for: `next` of the last page.
    after: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Asc,
    Desc,
}

impl Filter {
    /// The query for it.
    ///
    /// # Errors
    /// An actor, subject or type that is none.
    pub(super) fn query(&self, app: &App) -> Result<Query, Problem> {
        let wrong = |what, error: domain::SubjectError| Problem::new("request.query", format!("{what}: {error}"));
        let actors = self.actor.as_deref().map(|text| app.present(|state| actors(state.names(), text)));
        let actor_rule =
            || Problem::new("request.query", "actor: an actor is user/<login>, user/<id>, agent/<node> or system");
        let subjects = self.subject.as_deref().map(|text| app.present(|state| subjects(state.names(), text)));
        let filter = projections::Filter {
            actors: actors.transpose().map_err(|_| actor_rule())?.map(bounded),
            subjects: subjects.transpose().map_err(|error| wrong("subject", error))?.map(bounded),
            types: self.types.as_deref().map(types).transpose()?,
            from: self.from,
            to: self.to,
        };
        let order = match self.order {
            Some(Order::Asc) => projections::Order::OldestFirst,
            Some(Order::Desc) | None => projections::Order::NewestFirst,
        };
        Ok(Query { filter, order, after: self.after.map(Position), limit: self.limit.unwrap_or_default().get() })
    }
}

/// So many people had one login one after the other: the first are looked for.
fn bounded<T>(mut any: Vec<T>) -> Vec<T> {
    any.truncate(projections::Filter::LIST_MAX);
    any
}

/// Names of event types, joined by commas.
///
/// # Errors
/// A word that can't be one, or too many.
pub(crate) fn types(text: &str) -> Result<Vec<String>, Problem> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let sound = |name: &String| (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if names.len() > projections::Filter::LIST_MAX || !names.iter().all(sound) {
        return Err(Problem::new("request.query", "event types are words like PoolCreated, joined by commas"));
    }
    Ok(names)
}

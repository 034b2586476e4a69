use super::ever::ever;
use crate::http::{answer::Paging, app::App, problem::Problem};
use domain::{Actor, Position, Subject, Timestamp, stored};
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
    /// An actor, subject or type that is none, or never was; or times that no event can be between.
    pub(super) async fn query(&self, app: &App) -> Result<Query, Problem> {
        let wrong = |what, error: domain::SubjectError| Problem::new("request.query", format!("{what}: {error}"));
        let actors = self.actor.as_deref().map(|text| app.present(|state| actors(state.names(), text)));
        let actor_rule =
            || Problem::new("request.query", "actor: an actor is user/<login>, user/<id>, agent/<node> or system");
        let subjects = self.subject.as_deref().map(|text| app.present(|state| subjects(state.names(), text)));
        let actors = actors.transpose().map_err(|_| actor_rule())?.map(bounded);
        let subjects = subjects.transpose().map_err(|error| wrong("subject", error))?.map(bounded);
        let acting = actors.iter().flatten().map(|actor| match actor {
            Actor::System => Subject::Cluster,
            Actor::User(id) => Subject::User(*id),
            Actor::Agent(node) => Subject::Node(node.clone()),
        });
        if let Some(text) = &self.actor {
            one_was(app, "actor", text, acting.collect()).await?;
        }
        if let Some(text) = &self.subject {
            one_was(app, "subject", text, subjects.clone().unwrap_or_default()).await?;
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(Problem::new("request.query", format!("from: {from} is not before {to}, the end in `to`")));
        }
        let filter = projections::Filter {
            actors,
            subjects,
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

/// Refuses what never was.
async fn one_was(app: &App, parameter: &str, text: &str, any: Vec<Subject>) -> Result<(), Problem> {
    for subject in &any {
        if ever(app, subject).await? {
            return Ok(());
        }
    }
    Err(Problem::new("request.query", format!("{parameter}: there is no {text}, and there never was")))
}

/// So many people had one login one after the other: the first are looked for.
fn bounded<T>(mut any: Vec<T>) -> Vec<T> {
    any.truncate(projections::Filter::LIST_MAX);
    any
}

/// Names of event types, joined by commas.
///
/// # Errors
/// A word that is none, or too many.
pub(crate) fn types(text: &str) -> Result<Vec<String>, Problem> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    let sound = |name: &String| (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if names.len() > projections::Filter::LIST_MAX || !names.iter().all(sound) {
        return Err(Problem::new("request.query", "event types are words like PoolCreated, joined by commas"));
    }
    match names.iter().find(|name| !stored::TYPES.iter().any(|stored| stored.name == **name)) {
        Some(unknown) => {
            Err(Problem::new("request.query", format!("there is no event type {unknown}{}", near(unknown))))
        }
        None => Ok(names),
    }
}

/// The event types that a misspelt one may have meant.
fn near(unknown: &str) -> String {
    /// From here on two words are much alike (Jaro-Winkler, of 1).
    const ALIKE: f64 = 0.85;
    let alike = |name: &&str| strsim::jaro_winkler(&unknown.to_ascii_lowercase(), &name.to_ascii_lowercase());
    let mut near: Vec<&str> =
        stored::TYPES.iter().map(|stored| stored.name).filter(|name| alike(name) >= ALIKE).collect();
    near.sort_by(|a, b| alike(b).total_cmp(&alike(a)));
    near.dedup();
    near.truncate(3);
    if near.is_empty() { String::new() } else { format!(": perhaps {}", near.join(" or ")) }
}

use super::{
    fetch::place_now,
    known::{Place, Trouble},
    people::Entry,
};
use crate::http::{
    answer::{Paging, Shown},
    app::App,
    input::Query,
    problem::Problem,
};
use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Cluster, Login, Position, Timestamp, UserId, backend::Identity, user::User};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// `known` (to be on-boarded), `on-boarded`, or `left` (on-boarded, and no member any more); all where it is left out.
    #[param(value_type = Option<String>)]
    state: Option<Standing>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// The cursor of an earlier page.
    after: Option<String>,
}

/// Where somebody stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// They may be on-boarded.
    Known,
    /// They are.
    OnBoarded,
    /// They are, and are no member of the organization any more: told only where its whole list could be read.
    Left,
}

/// Somebody whom the sign-in backend knows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DirectoryEntry {
    /// What they are called there.
    #[schema(value_type = String)]
    login: Login,
    /// The provider's own word for them, which never changes: several may be called alike. Null where people are known here.
    subject: Option<String>,
    /// Where they stand here.
    state: Standing,
    /// The user who they are; null where they are none.
    #[schema(value_type = Option<String>, format = Uuid)]
    user: Option<UserId>,
    /// When they last came and were turned away, since nobody has on-boarded them; null if they did not, or the server was restarted.
    #[schema(value_type = Option<String>, format = DateTime)]
    turned_away_at: Option<Timestamp>,
}

/// Whom the sign-in backend knows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DirectoryPage {
    /// People by login.
    items: Vec<DirectoryEntry>,
    /// The cursor of the next page; null on the last one.
    next: Option<String>,
    /// When the list was last fetched from the provider; null where there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    fetched_at: Option<Timestamp>,
    /// Why there is no newer list; null if nothing is wrong.
    trouble: Option<String>,
    /// The position that `state` and `user` are true at.
    #[schema(value_type = u64)]
    position: Position,
}

/// Whom the sign-in backend knows: members of the organization, and whoever signed in there and was turned away. Where people are
/// known here, its users.
#[utoipa::path(get, path = "/v1/directory", tag = "sign-in backend", operation_id = "directory", params(Wanted),
    responses((status = 200, body = DirectoryPage)))]
pub(super) async fn list(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Shown<DirectoryPage>, Problem> {
    let place = place_now(&app);
    let (fetched_at, trouble) = place.as_ref().map_or((None, None), |place| app.directory.age(place));
    let (mut entries, position): (Vec<_>, _) = match &place {
        Some(place) => {
            let people = app.directory.people(place);
            app.present(|state| (at_provider(&app, place, people.entries(), state.cluster()), state.position()))
        }
        None => app.present(|state| {
            let shown = state.cluster().users().values().map(|user| {
                let (login, state) = (user.login.clone(), Standing::OnBoarded);
                (
                    user.id.to_string(),
                    DirectoryEntry { login, subject: None, state, user: Some(user.id), turned_away_at: None },
                )
            });
            (shown.collect(), state.position())
        }),
    };
    entries.sort_by(|(_, one), (_, other)| one.login.cmp(&other.login));
    entries.retain(|(_, entry)| wanted.state.is_none_or(|state| state == entry.state));
    let from = match &wanted.after {
        Some(after) => {
            let gone = || Problem::new("request.query", "after: the cursor leads nowhere");
            entries.iter().position(|(cursor, _)| cursor == after).ok_or_else(gone)? + 1
        }
        None => 0,
    };
    let limit = wanted.limit.get();
    let more = entries.len() > from + limit;
    let page: Vec<_> = entries.into_iter().skip(from).take(limit).collect();
    let next = page.last().map(|(cursor, _)| cursor.clone()).filter(|_| more);
    let items = page.into_iter().map(|(_, entry)| entry).collect();
    let trouble = trouble.map(|Trouble { code, detail, .. }| format!("{detail} ({code})"));
    Ok(Shown::at(position, DirectoryPage { items, next, fetched_at, trouble, position }))
}

/// Everybody whom the provider knows or knew, each with their cursor.
fn at_provider(app: &App, place: &Place, known: &[Entry], cluster: &Cluster) -> Vec<(String, DirectoryEntry)> {
    let left = app.directory.left(place, cluster.users().values());
    let left = left.into_iter().map(|(user, identity, _)| (cursor(identity), DirectoryEntry::left(user, identity)));
    let known = known.iter().map(|entry| {
        let user = cluster.user_by_identity(&entry.identity).map(|user| user.id);
        (cursor(&entry.identity), DirectoryEntry::of(entry, user))
    });
    known.chain(left).collect()
}

impl DirectoryEntry {
    fn of(entry: &Entry, user: Option<UserId>) -> Self {
        let state = if user.is_some() { Standing::OnBoarded } else { Standing::Known };
        let subject = Some(entry.identity.subject().to_owned());
        Self { login: entry.login.clone(), subject, state, user, turned_away_at: entry.turned_away_at }
    }

    fn left(user: &User, identity: &Identity) -> Self {
        let subject = Some(identity.subject().to_owned());
        Self { login: user.login.clone(), subject, state: Standing::Left, user: Some(user.id), turned_away_at: None }
    }
}

/// Names the place behind somebody without naming them: addresses are logged elsewhere.
fn cursor(identity: &Identity) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(identity.subject().as_bytes())[..16])
}

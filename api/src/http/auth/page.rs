//! `GET /roles`: who may do what, for people.
use super::rules::{RULES, Rule};
use axum::{http::header, response::IntoResponse};
use domain::{Action, Allowed, Role, token::Scope};
use std::fmt::Write as _;

const ABOUT: &str = "# Who may do what

Made of the table that the server asks before every request and every command.

- `operator`: everything.
- `auditor`: reads everything, the audit trail included, and changes nothing but their own tokens, sessions and password.
- `data-scientist`: their own user, tokens, sessions and jobs; their own group, its pool and the devices of that.

**yes** is on everything, **own** on what is one's own, **no** on nothing: it is answered with 403 and recorded, also where \
what is asked for does not exist. The last column says what somebody has to show; `PATCH /v1/users/{login}` with `link` takes \
a session alone. With the cookie of a session, whatever writes carries the header `X-CSRF-Token`. A token has a scope, and \
allows no more than its user's role and the role that it was made under; an auditor's ends once they are a data scientist, \
and the other way round.

An operation of `/openapi.json` carries the same as `x-dkube-action`, `x-dkube-roles` and `x-dkube-token-scopes`, and \
`GET /v1/session` answers what the one who asks `may`.

## Signed in

| action | what it is | routes | operator | auditor | data-scientist | with |
|---|---|---|---|---|---|---|
";

const OPEN: &str = "
## Not signed in

These say how to sign in, which parts of the server work, and what the software is; nothing that is in the cluster. So does \
`/docs`, the page to try the API. `/metrics` and what is below it are open too where the setting `metrics_open` says so.

";

/// The text of `docs/roles.md`.
pub(crate) fn roles() -> String {
    let mut page = String::from(ABOUT);
    row(&mut page, "", "One's own sign-in", Rule::SignedIn, &routes(Rule::SignedIn));
    row(&mut page, "", "The end of one's own session", Rule::InSession, &routes(Rule::InSession));
    for action in Action::ALL {
        for rule in [Rule::May(*action), Rule::InPerson(*action)] {
            let routes = routes(rule);
            if !routes.is_empty() {
                row(&mut page, action.as_str(), action.about(), rule, &routes);
            }
        }
        if let Some(elsewhere) = elsewhere(*action) {
            row(&mut page, action.as_str(), action.about(), Rule::May(*action), elsewhere);
        }
    }
    page.push_str(OPEN);
    let _ = writeln!(page, "{}.", routes(Rule::Open));
    page
}

fn row(page: &mut String, action: &str, about: &str, rule: Rule, routes: &str) {
    let action = if action.is_empty() { String::new() } else { format!("`{action}`") };
    let about = about.trim_end_matches('.');
    let [operator, auditor, data_scientist] =
        [Role::Operator, Role::Auditor, Role::DataScientist].map(|role| match rule.allowed(role) {
            Allowed::No => "no",
            Allowed::Own => "own",
            Allowed::All => "yes",
        });
    let scopes: Vec<String> = rule.scopes().into_iter().map(|scope| format!("`{}`", Scope::as_str(scope))).collect();
    let with = match &*scopes {
        _ if rule.action() == Some(Action::Report) => "an agent's own key".to_owned(),
        [] => "a session alone".to_owned(),
        [one] => format!("a session, or a token of scope {one}"),
        [most @ .., last] => format!("a session, or a token of scope {} or {last}", most.join(", ")),
    };
    let _ = writeln!(page, "| {action} | {about} | {routes} | {operator} | {auditor} | {data_scientist} | {with} |");
}

fn routes(rule: Rule) -> String {
    let of = RULES.iter().filter(|(.., of)| *of == rule);
    of.map(|(method, path, _)| format!("`{method} {path}`")).collect::<Vec<_>>().join(", ")
}

/// Where an action is asked for that has no route of its own.
const fn elsewhere(action: Action) -> Option<&'static str> {
    match action {
        Action::ForceJobs => Some("`DELETE /v1/jobs/{id}?force=true`"),
        Action::Report => Some("NATS"),
        _ => None,
    }
}

/// The page.
pub(crate) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], roles())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_and_every_route_is_on_the_page() {
        let page = roles();
        for action in Action::ALL {
            assert!(page.contains(&format!("| `{}` |", action.as_str())), "{action:?}");
        }
        for (method, path, _) in RULES {
            assert!(page.contains(&format!("`{method} {path}`")), "{method} {path}");
        }
    }

    /// `DKUBE_BLESS=1 cargo test -p api roles_page` writes the page anew.
    #[test]
    fn the_roles_page_in_docs_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/roles.md");
        if std::env::var_os("DKUBE_BLESS").is_some() {
            std::fs::write(path, roles()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == roles(), "docs/roles.md is not what the table says: run with DKUBE_BLESS=1");
    }
}

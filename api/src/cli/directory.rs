//! `dkube directory …`
use super::{
    args::List,
    call::Call,
    client::Reply,
    console::Format,
    context::Context,
    error::CliError,
    page::{self, Listed},
    table::{As, Column},
    text,
};
use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::Value;

const COLUMNS: [Column; 5] = [
    ("LOGIN", "login", As::Text),
    ("STATE", "state", As::Text),
    ("SUBJECT", "subject", As::Text),
    ("TURNED AWAY", "turned_away_at", As::Time),
    ("USER", "user", As::Text),
];

/// Where somebody stands here.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Standing {
    /// They may be on-boarded
    Known,
    /// They are
    OnBoarded,
    /// They are, and are no member of the organization any more
    Left,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List whom the sign-in backend knows: members of the organization, and whoever signed in there and was turned away here
    List {
        /// Only these
        #[arg(long, value_enum)]
        state: Option<Standing>,
        #[command(flatten)]
        list: List,
    },
    /// Fetch the members of the organization anew
    Refresh,
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { state, list } => {
                let state = state.map(|state| match state {
                    Standing::Known => "known",
                    Standing::OnBoarded => "on-boarded",
                    Standing::Left => "left",
                });
                let call = list.apply(Call::get(["directory"]).query_some("state", state));
                let limit = list.limit.map(|limit| limit as usize);
                let listed = page::gather(&context.client, call, "items", limit).await?;
                list_of(context, listed)
            }
            Self::Refresh => {
                let Reply { body, .. } =
                    context.client.send(&Call::new(Method::POST, ["directory", "refresh"])).await?;
                match context.console.format {
                    Format::Json => context.console.json(&body)?,
                    Format::Table => context.console.line(&format!("{} people are listed", body["people"]))?,
                }
                Ok(())
            }
        }
    }
}

/// Tells who is in the list; and how old it is, where there could be no newer one.
fn list_of(context: &mut Context<'_>, listed: Listed) -> Result<(), CliError> {
    if context.console.format == Format::Json {
        let mut document = listed.beside.clone();
        if let Value::Object(list) = listed.document("items") {
            document.extend(list);
        }
        return Ok(context.console.json(&Value::Object(document))?);
    }
    let trouble = listed.beside.get("trouble").and_then(Value::as_str).map(text::one_line);
    let fetched_at = listed.beside.get("fetched_at").and_then(Value::as_str);
    let note = trouble.map(|trouble| match fetched_at {
        Some(at) => {
            let at = text::time(at, &context.console.zone).unwrap_or_else(|| text::one_line(at));
            format!("the list is of {at}, and there is no newer one: {trouble}")
        }
        None => format!("there is no list of the sign-in backend's people: {trouble}"),
    });
    context.tell(listed, "items", &COLUMNS)?;
    note.map_or(Ok(()), |note| Ok(context.console.note(&note)?))
}

#[cfg(test)]
mod tests {
    use crate::cli::testing::{Player, json};
    use serde_json::{Value, json as value};

    fn page(fetched_at: &Value, trouble: &Value) -> Value {
        let ada = value!({"login": "ada", "subject": "7", "state": "left", "user": "0199c0de", "turned_away_at": null});
        value!({"items": [ada], "next": null, "fetched_at": fetched_at, "trouble": trouble, "position": 41})
    }

    #[tokio::test]
    async fn a_list_says_why_there_is_no_newer_one() {
        let trouble = value!("the provider takes no more questions before 2026-03-01T13:00:00Z: try again then");
        let (at, never) = (value!("2026-03-01T12:00:00.000001Z"), Value::Null);
        let pages = [page(&at, &never), page(&at, &trouble), page(&never, &trouble), page(&at, &trouble)];
        let player = Player::of(pages.iter().map(|page| json(200, page))).await;
        let well = player.run(&["directory", "list", "--state", "left"]).await;
        assert_eq!((well.code, &*well.err), (0, ""));
        assert!(well.out.contains("left") && player.lines()[0].contains("state=left"), "{well:?}");
        let old = player.run(&["directory", "list"]).await;
        let told = "the list is of 2026-03-01 12:00:00 UTC, and there is no newer one: the provider takes no more questions \
                    before 2026-03-01T13:00:00Z: try again then\n";
        assert_eq!((&*old.out, &*old.err), (&*well.out, told));
        let none = player.run(&["directory", "list"]).await;
        assert!(
            none.err.starts_with("there is no list of the sign-in backend's people: the provider takes"),
            "{none:?}"
        );
        let whole = player.run(&["directory", "list", "--output", "json"]).await;
        assert_eq!((serde_json::from_str::<Value>(&whole.out).unwrap(), &*whole.err), (pages[3].clone(), ""));
    }
}

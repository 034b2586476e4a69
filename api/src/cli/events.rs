//! `dkube events`: events as they are recorded, each once, also over broken connections.
use super::{
    call::Call,
    client::Client,
    console::{Console, Format},
    context::Context,
    error::CliError,
    sse::{self, Parser},
    text,
};
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use serde_json::Value;
use std::time::Duration;

/// How long a stream may be silent: the server shows every 15 s that it lives.
const IDLE: Duration = Duration::from_mins(1);
/// The longest that an event's description may be on a line, in characters.
const LINE_MAX: usize = 400;

/// Prints events.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Go on with every event that is recorded from now on
    #[arg(short, long)]
    follow: bool,
    /// Begin behind this position; left out: at the beginning, or, with --follow, now
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Only events of this type, as PoolCreated; may be given many times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
}

impl Arguments {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let head = head(&context.client, &self.types).await?;
        let after = self.after.unwrap_or(if self.follow { head } else { 0 });
        let until = (!self.follow).then_some(head);
        if until.is_some_and(|until| after >= until) {
            return Ok(());
        }
        let mut tail = Tail { after, until, seen: None, types: self.types, away: false };
        let (mut fruitless, mut connected) = (0, false);
        loop {
            let before = tail.seen;
            let ended = match tail.stream(&context.client, context.console, &mut connected).await {
                Ok(true) => return Ok(()),
                Ok(false) => None,
                Err(error) if passes(&error) => Some(error),
                Err(error) => return Err(error),
            };
            fruitless = if tail.seen == before { fruitless + 1 } else { 1 };
            // A follower that was connected once waits for the server's return, however long that takes.
            let patient = self.follow && connected;
            if !patient && fruitless > context.client.patience().retries {
                let lost =
                    || CliError::Unavailable { what: "the server ended the stream of events".to_owned(), source: None };
                return Err(ended.unwrap_or_else(lost));
            }
            if connected && !tail.away {
                tail.away = true;
                let why = ended.map(|error| format!(" ({error})")).unwrap_or_default();
                context.console.note(&format!("the stream of events broke{why}: waiting for the server"))?;
            }
            tokio::time::sleep(context.client.pause(fruitless - 1, None)).await;
        }
    }
}

/// The last position that is recorded now. Asked of the audit trail where types are named: it refuses one that is none.
async fn head(client: &Client, types: &[String]) -> Result<u64, CliError> {
    let call = match types {
        [] => Call::get(["overview"]),
        types => Call::get(["audit"]).query("type", &types.join(",")).query("limit", &1),
    };
    let reply = client.send(&call).await?;
    let position = reply.headers.get("dkube-position").and_then(|value| value.to_str().ok()?.parse().ok());
    position.ok_or_else(|| anyhow::anyhow!("the server does not say which position it is at").into())
}

/// Whether it may be over in a moment.
fn passes(error: &CliError) -> bool {
    match error {
        CliError::Problem(problem) => matches!(problem.status, 429 | 502..=504),
        CliError::Unavailable { .. } => true,
        _ => false,
    }
}

/// A stream of events that is picked up where it broke.
struct Tail {
    after: u64,
    until: Option<u64>,
    seen: Option<u64>,
    types: Vec<String>,
    /// Whether it was told that the server is away.
    away: bool,
}

impl Tail {
    /// Prints until the stream ends; true, if all was printed that was asked for.
    async fn stream(&mut self, client: &Client, console: &mut Console, connected: &mut bool) -> Result<bool, CliError> {
        let mut stream = client.open(&self.call(), IDLE).await?;
        if !stream.is("text/event-stream") {
            return Err(anyhow::anyhow!("the server does not stream events").into());
        }
        *connected = true;
        if std::mem::take(&mut self.away) {
            let from = self.seen.unwrap_or(self.after);
            console.note(&format!("the server is back: going on behind position {from}"))?;
        }
        let mut parser = Parser::default();
        while let Some(bytes) = stream.chunk().await? {
            let events = parser.take(&bytes).map_err(|error| CliError::failed("read the stream of events", error))?;
            for event in events {
                if self.print(console, &event)? {
                    return Ok(true);
                }
            }
            // What the server's filter left out is behind us too.
            let passed = parser.last_id().and_then(|id| id.parse().ok());
            self.seen = self.seen.max(passed.filter(|passed| *passed > self.after));
        }
        Ok(false)
    }

    fn call(&self) -> Call {
        let call = Call::get(["events"])
            .query("after", &self.after)
            .header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        // Up to an end, all types are asked for and the rest is left out here: only so is the end sure to be seen.
        let types = (self.until.is_none() && !self.types.is_empty()).then(|| self.types.join(","));
        let call = call.query_some("types", types);
        match self.seen {
            Some(position) => call.header(HeaderName::from_static("last-event-id"), HeaderValue::from(position)),
            None => call,
        }
    }

    /// Prints an event that was not printed yet; true, if it was the last one asked for.
    fn print(&mut self, console: &mut Console, event: &sse::Event) -> Result<bool, CliError> {
        let position: Option<u64> = event.id.as_ref().and_then(|id| id.parse().ok());
        let document: Option<Value> = serde_json::from_str(&event.data).ok();
        let (Some(position), Some(document)) = (position, document) else {
            return Err(anyhow::anyhow!("the server's stream holds something that is no event").into());
        };
        if position <= self.seen.unwrap_or(self.after) {
            return Ok(false);
        }
        self.seen = Some(position);
        if self.until.is_none_or(|until| position <= until) && self.wants(&document) {
            match console.format {
                // A line for each, also on a terminal: the stream has no end.
                Format::Json => console.line(&document.to_string())?,
                Format::Table => console.line(&line(console, position, &document))?,
            }
        }
        Ok(self.until.is_some_and(|until| position >= until))
    }

    fn wants(&self, document: &Value) -> bool {
        let name = name(document);
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == name)
    }
}

/// The event's own name: what stands behind the last dot of the CloudEvents type.
fn name(document: &Value) -> &str {
    let name = document["type"].as_str().unwrap_or_default();
    name.rsplit('.').next().unwrap_or(name)
}

fn line(console: &Console, position: u64, document: &Value) -> String {
    let zone = &console.zone;
    let shown = |field: &str| text::inline(&document[field], zone);
    let name = super::console::clean(name(document));
    let line = format!(
        "{position:>8}  {}  {name:<24}  {}  {}",
        shown("time"),
        shown("subject"),
        text::beside(&document["subject"], &document["data"], zone)
    );
    text::shortened(line.trim_end().to_owned(), LINE_MAX)
}

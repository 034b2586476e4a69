//! Flags that many commands share.
use super::{call::Call, context::Context, error::CliError, password, sign_in::Session};
use domain::Reason;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH};
use serde_json::Value;
use std::str::FromStr;

/// A time, as RFC 3339 writes it. As people write it, to the second, it is all of that second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time {
    first: String,
    last: String,
}

impl FromStr for Time {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.parse::<jiff::Timestamp>().is_ok() {
            return Ok(Self { first: text.to_owned(), last: text.to_owned() });
        }
        // As tables show it: with the zone's short name behind.
        if let Some(at) = text.rsplit_once(' ').and_then(|(at, zone)| shown(at, zone)) {
            return Ok(Self::second(at));
        }
        // A date and time without an offset is meant as people here read it.
        let local = text.parse::<jiff::civil::DateTime>().ok().filter(|_| text.len() > 10);
        let zoned = local.and_then(|at| at.to_zoned_datetime(jiff::tz::TimeZone::system()).ok());
        zoned
            .map(|at| Self::second(at.timestamp()))
            .ok_or("a time is 2026-03-01T12:00:00Z, or '2026-03-01 12:00:00' (local)")
    }
}

/// The time that a table shows as this, in UTC or the zone of whoever reads it.
fn shown(at: &str, zone: &str) -> Option<jiff::Timestamp> {
    let at = at.parse::<jiff::civil::DateTime>().ok().filter(|_| at.len() > 10)?;
    let zones = [jiff::tz::TimeZone::UTC, jiff::tz::TimeZone::system()];
    let mut moments = zones.into_iter().filter_map(|zone| at.to_zoned_datetime(zone).ok());
    moments.find(|at| at.strftime("%Z").to_string() == zone).map(|at| at.timestamp())
}

impl Time {
    /// The second that begins then; of a time with a fraction, only that moment.
    fn second(at: jiff::Timestamp) -> Self {
        let lasts = jiff::SignedDuration::from_micros(if at.subsec_nanosecond() == 0 { 999_999 } else { 0 });
        Self { first: at.to_string(), last: at.saturating_add(lasts).unwrap_or(at).to_string() }
    }

    /// Its first moment.
    pub(super) fn first(&self) -> &str {
        &self.first
    }

    /// Its last moment.
    pub(super) fn last(&self) -> &str {
        &self.last
    }
}

/// A moment of the past: a position, or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AsOf(String);

impl FromStr for AsOf {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u64>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let time = text.parse::<Time>().map_err(
            |_| "a moment is a position, as 41, or a time, as 2026-03-01T12:00:00Z or '2026-03-01 12:00:00' (local)",
        )?;
        Ok(Self(time.last))
    }
}

/// For commands that read.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Read {
    /// Show it as it was at this position or time
    #[arg(long, value_name = "POSITION|TIME")]
    as_of: Option<AsOf>,
    /// Wait until what is shown includes this position
    #[arg(long, value_name = "POSITION")]
    min_position: Option<u64>,
}

impl Read {
    pub(super) fn apply(&self, call: Call) -> Call {
        let call = call.query_some("as_of", self.as_of.as_ref().map(|moment| &moment.0));
        match self.min_position {
            Some(position) => call.header(HeaderName::from_static("dkube-min-position"), HeaderValue::from(position)),
            None => call,
        }
    }
}

/// For commands that list.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(crate) struct List {
    #[command(flatten)]
    read: Read,
    /// Show at most so many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: Option<u32>,
}

impl List {
    pub(super) fn apply(&self, call: Call) -> Call {
        self.read.apply(call)
    }
}

/// For commands that change something.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Write {
    /// Why: free text for the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
    /// Show what would be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
    /// The key under which a repeat is harmless; left out: one is made for this run
    #[arg(long, value_name = "KEY", conflicts_with = "dry_run", value_parser = key)]
    idempotency_key: Option<String>,
    /// Refuse if anything that it touches was configured after this position
    #[arg(long, value_name = "POSITION")]
    planned_at: Option<u64>,
}

fn key(text: &str) -> Result<String, &'static str> {
    let sound = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    sound.then(|| text.to_owned()).ok_or("a key is 1 to 255 visible ASCII characters")
}

impl Write {
    pub(super) fn apply(&self, call: Call) -> Call {
        let mut call = call;
        if let Some(reason) = &self.reason {
            call = call.header(HeaderName::from_static("dkube-reason"), encoded(reason));
        }
        if let Some(position) = self.planned_at {
            call = call.header(HeaderName::from_static("dkube-planned-at"), HeaderValue::from(position));
        }
        if self.dry_run {
            call.query("dry_run", &true).repeatable()
        } else {
            call.keyed(self.idempotency_key.clone().unwrap_or_else(super::chance::key))
        }
    }

    /// Whether nothing shall be recorded.
    pub(super) const fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

/// A reason as its header takes it: percent-encoded UTF-8, plain text left readable.
fn encoded(reason: &Reason) -> HeaderValue {
    const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');
    let text = utf8_percent_encode(reason.as_str(), UNSAFE).to_string();
    // A header loses the spaces at its ends.
    let inner = text.trim_matches(' ');
    let (before, after) = text.split_once(inner).unwrap_or_default();
    let text = format!("{}{inner}{}", "%20".repeat(before.len()), "%20".repeat(after.len()));
    HeaderValue::from_str(&text).expect("what is left is visible ASCII and spaces")
}

/// For commands that change one thing that may have changed since.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Match {
    /// Refuse if its revision is not this one
    #[arg(long, value_name = "REVISION")]
    if_match: Option<u64>,
}

impl Match {
    pub(super) fn apply(self, call: Call) -> Call {
        match self.if_match {
            Some(revision) => call.header(IF_MATCH, revision_header(revision)),
            None => call,
        }
    }

    pub(super) const fn revision(self) -> Option<u64> {
        self.if_match
    }
}

/// A revision as `If-Match` takes it.
pub(super) fn revision_header(revision: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).expect("digits and quotes are visible ASCII")
}

/// Who somebody is, for what only a session may do: one is opened for it, and closed again.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct InPerson {
    /// Who you are, to sign in with a password; left out: who is signed in, as people sign in there
    #[arg(long = "login", value_name = "LOGIN")]
    who: Option<String>,
    #[command(flatten)]
    password: password::Source,
}

impl InPerson {
    /// Gives a command in person.
    ///
    /// # Errors
    /// Where the server refuses the sign-in or the command.
    pub(super) async fn give(&self, call: &Call, context: &mut Context<'_>) -> Result<Value, CliError> {
        let kept = context.kept.as_ref().map(|kept| kept.login.clone());
        let (who, client) = (self.who.clone(), &context.client);
        let session = Session::of(client, who, kept, &self.password, context.console).await?;
        session.give(call, context.console).await.map(|reply| reply.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_percent_encoded() {
        let encoded = |text: &str| encoded(&text.parse().unwrap()).to_str().unwrap().to_owned();
        assert_eq!(encoded("node is lost"), "node is lost");
        assert_eq!(encoded("Knoten fällt aus: 100%"), "Knoten f%C3%A4llt aus: 100%25");
        assert_eq!(encoded(" two\nlines "), "%20two%0Alines%20");
    }

    #[test]
    fn moments() {
        for good in
            ["41", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00+01:00", "2026-03-01 12:00:00", "2026-03-01T12:00"]
        {
            assert!(good.parse::<AsOf>().is_ok(), "{good}");
        }
        let as_of = |text: &str| text.parse::<AsOf>().unwrap().0;
        assert_eq!(as_of("2026-03-01T12:00:00Z"), "2026-03-01T12:00:00Z");
        assert_eq!(as_of("2026-03-01 12:00:00 UTC"), "2026-03-01T12:00:00.999999Z", "all of that second");
        assert_eq!(as_of("2026-03-01 12:00:00.25 UTC"), "2026-03-01T12:00:00.25Z");
        let second: Time = "2026-03-01 12:00:00 UTC".parse().unwrap();
        assert_eq!((second.first(), second.last()), ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.999999Z"));
        for bad in ["", "-1", "yesterday", "2026-03-01", "12:00", "2026-03-01 12:00:00 XYZ", "2026-03-01 UTC"] {
            assert!(bad.parse::<AsOf>().is_err(), "{bad}");
        }
    }
}

use crate::http::{
    answer::{EventView, Names},
    app::App,
    port::Entry,
    problem::Named as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    CommandId, Origin, Recorded, Timestamp, TokenId,
    stored::{Opened, Particulars, Told},
};
use serde::Serialize;
use std::net::IpAddr;
use uuid::Uuid;

/// Why nobody can say from where and why it was.
const LOST: &str = "the key that they are sealed under was lost, and given up (`dkube secrets abandon`)";
const ERASED: &str = "whoever it is of was erased: from where and why it was has gone with them";
const REASON_ERASED: &str = "the reason was about somebody who was erased, or named them, and has gone with them";

/// An event with all that the log knows of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AuditEvent {
    /// The event.
    #[serde(flatten)]
    pub(super) event: EventView,
    /// All that it is about, the main subject first.
    pub(super) subjects: Vec<String>,
    /// The command that brought it about.
    #[schema(value_type = Option<Uuid>)]
    pub(super) command: Option<CommandId>,
    /// Its number among that command's events, from 0.
    pub(super) index: u16,
    /// How many events that command recorded.
    pub(super) count: u16,
    /// What ties it to commands elsewhere.
    pub(super) correlation: Option<Uuid>,
    /// The token that was used.
    #[schema(value_type = Option<Uuid>)]
    pub(super) token: Option<TokenId>,
    /// For an agent's report, which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginView>,
    /// Where the command came from; null where nobody knows, or `unreadable` says why.
    #[schema(value_type = Option<String>)]
    pub(super) address: Option<IpAddr>,
    /// Why it was given; null where nobody said, or `unreadable` says why.
    pub(super) reason: Option<String>,
    /// Why address or reason can't be shown, where they were given: a key was lost, or somebody was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// The stored bytes (base64) of an event that a newer release wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<String>,
}

/// Where an agent's report came from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OriginView {
    /// The life of the agent's queue.
    incarnation: Uuid,
    /// The report's number in it.
    sequence: u64,
    /// The node's clock when it saw what it reports.
    #[schema(value_type = String, format = DateTime)]
    observed_at: Timestamp,
}

impl From<Origin> for OriginView {
    fn from(origin: Origin) -> Self {
        Self { incarnation: origin.incarnation.0, sequence: origin.sequence, observed_at: origin.observed_at }
    }
}

impl AuditEvent {
    /// The event as those see it who may read the audit trail.
    pub(super) fn of(app: &App, entry: &Entry) -> Self {
        match entry {
            Entry::Known(recorded) => Self::known(app, recorded),
            Entry::Unknown { position, event_type, version, bytes } => Self {
                event: EventView::unknown(*position, *event_type, *version),
                subjects: vec![],
                command: None,
                index: 0,
                count: 0,
                correlation: None,
                token: None,
                origin: None,
                address: None,
                reason: None,
                unreadable: Some("a newer release wrote this event: upgrade to read it".to_owned()),
                raw: Some(STANDARD.encode(bytes)),
            },
        }
    }

    fn known(app: &App, recorded: &Recorded) -> Self {
        let names = Names::of(app, recorded);
        let sealed = recorded.particulars.as_ref();
        let owner = Particulars::owner(&recorded.actor, &recorded.event);
        let opened = sealed.map(|sealed| Particulars::open(&*app.parts.vault, owner, recorded.id, sealed));
        let (address, reason, unreadable) = match opened {
            None => (None, None, None),
            Some(Ok(Opened::Clear(Told { address, reason }))) => match reason {
                Opened::Clear(reason) => (address, reason, None),
                Opened::Erased => (address, None, Some(REASON_ERASED.to_owned())),
                Opened::Unreadable => (address, None, Some(LOST.to_owned())),
            },
            Some(Ok(Opened::Erased)) => (None, None, Some(ERASED.to_owned())),
            Some(Ok(Opened::Unreadable)) => (None, None, Some(LOST.to_owned())),
            Some(Err(error)) => (None, None, Some(error.to_string())),
        };
        Self {
            event: EventView::recorded(recorded, &names),
            subjects: recorded.subjects.iter().map(|subject| names.subject(subject)).collect(),
            command: Some(recorded.command()),
            index: recorded.index,
            count: recorded.count,
            correlation: Some(recorded.correlation),
            token: recorded.token,
            origin: recorded.origin.map(OriginView::from),
            address,
            reason: reason.map(|reason| reason.to_string()),
            unreadable,
            raw: None,
        }
    }
}

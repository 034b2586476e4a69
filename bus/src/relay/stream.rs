//! The stream: how it is made, and whether what is there continues the log.
use super::{CommittedLog, Fault, Trouble, carry};
use crate::cloudevent::{
    self,
    header::{ID, SOURCE},
};
use async_nats::{
    HeaderMap,
    jetstream::{
        Context, ErrorCode,
        context::GetStreamErrorKind,
        stream::{Config, DiscardPolicy, RawMessageErrorKind, RetentionPolicy, StorageType, Stream},
    },
};
use domain::Position;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// The stream's name.
pub const STREAM: &str = "DKUBE_EVENTS";

/// The subjects of all that the relay asks JetStream: to look at the stream, to make it, to read its last message, and, to make
/// it anew, to delete it.
pub const STREAM_REQUESTS: [&str; 4] = [
    "$JS.API.STREAM.INFO.DKUBE_EVENTS",
    "$JS.API.STREAM.CREATE.DKUBE_EVENTS",
    "$JS.API.STREAM.MSG.GET.DKUBE_EVENTS",
    "$JS.API.STREAM.DELETE.DKUBE_EVENTS",
];

/// Where the stream says whose it is.
const CLUSTER: &str = "dkube.cluster";

/// How the stream is made. One that is there keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSettings {
    /// How many servers keep it: 1, 3 or 5.
    pub replicas: usize,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { replicas: 1 }
    }
}

impl StreamSettings {
    /// Every event for ever, on disk. No limit is set, and were one set by hand, a full stream would refuse what is new
    /// rather than drop what is old. Nobody can purge it or delete messages from it.
    fn config(self, log: &dyn CommittedLog) -> Config {
        Config {
            name: STREAM.to_owned(),
            description: Some("every event of a DKube cluster, in order: sequences are positions".to_owned()),
            subjects: vec![cloudevent::SUBJECTS.to_owned()],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_bytes: -1,
            max_consumers: -1,
            max_message_size: -1,
            max_age: Duration::ZERO,
            duplicate_window: Duration::from_mins(2),
            num_replicas: self.replicas,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            metadata: HashMap::from([(CLUSTER.to_owned(), cloudevent::source(log.cluster()))]),
            ..Config::default()
        }
    }
}

/// Finds or makes the stream, and answers the last event that it holds.
pub(super) async fn settle(
    context: &Context,
    settings: StreamSettings,
    log: &Arc<dyn CommittedLog>,
) -> Result<Position, Trouble> {
    match find(context).await? {
        Some(stream) => compare(&stream, log).await,
        None => create(context, settings, log).await.map(|()| Position::START),
    }
}

/// Deletes the stream, if it is there and not known to be another cluster's, and makes it anew.
pub(super) async fn rebuild(
    context: &Context,
    settings: StreamSettings,
    log: &Arc<dyn CommittedLog>,
) -> Result<(), Trouble> {
    if let Some(stream) = find(context).await? {
        own(&stream, log)?;
        let last = stream.cached_info().state.last_sequence;
        if let Some(Event { source: Some(source), .. }) = event_at(&stream, last).await? {
            same_source(&source, log)?;
        }
        tracing::warn!(stream = STREAM, last, "deleting the stream, as asked, to make it anew");
        context.delete_stream(STREAM).await.map_err(|error| Trouble::doubt("delete the stream")(&error))?;
    }
    create(context, settings, log).await
}

async fn find(context: &Context) -> Result<Option<Stream>, Trouble> {
    match context.get_stream(STREAM).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(Trouble::doubt("look at the stream")(&error)),
        },
    }
}

async fn create(context: &Context, settings: StreamSettings, log: &Arc<dyn CommittedLog>) -> Result<(), Trouble> {
    let made = context.create_stream(settings.config(&**log)).await;
    made.map_err(|error| Trouble::doubt("make the stream")(&error))?;
    tracing::info!(stream = STREAM, "made the stream; publishing every event from the first one on");
    Ok(())
}

/// Whether the stream is this log up to where it ends, by its last message.
async fn compare(stream: &Stream, log: &Arc<dyn CommittedLog>) -> Result<Position, Trouble> {
    let info = stream.cached_info();
    fit(&info.config).map_err(|what| Trouble::Fault(Fault::Misconfigured(what)))?;
    own(stream, log)?;
    let last = Position(info.state.last_sequence);
    if last == Position::START {
        return Ok(last);
    }
    let found = event_at(stream, last.0).await?.ok_or(Trouble::Fault(Fault::Emptied(last)))?;
    if let Some(source) = &found.source {
        same_source(source, log)?;
    }
    // Read after the stream's end: the log only grows, so a stream that is past it was never published from it.
    let durable = *log.watermark().borrow();
    if last > durable {
        return Err(Trouble::Fault(Fault::Ahead { stream: last, log: durable }));
    }
    let recorded = carry::read(log, Position(last.0 - 1), last).await?;
    let recorded = recorded.first().filter(|recorded| recorded.position == last);
    let recorded = recorded.ok_or_else(|| Trouble::Doubt(format!("the log does not give event {last}")))?;
    let same = found.source.is_some() && found.id == Some(recorded.id.to_string());
    if same { Ok(last) } else { Err(Trouble::Fault(Fault::Differs(last))) }
}

/// What about the stream would keep sequences from being positions.
fn fit(config: &Config) -> Result<(), &'static str> {
    let rules = [
        (config.subjects == [cloudevent::SUBJECTS], "its subjects are not dkube.events.> alone"),
        (config.retention == RetentionPolicy::Limits, "its retention is not by limits"),
        (config.mirror.is_none() && config.sources.is_none(), "it mirrors or sources another stream"),
        (config.subject_transform.is_none(), "it changes subjects"),
        (!config.sealed, "it is sealed"),
        (!config.no_ack, "it acknowledges nothing"),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, broken)| Err(broken))
}

/// Refuses a stream that says of itself that it is another cluster's. One made by hand says nothing.
fn own(stream: &Stream, log: &Arc<dyn CommittedLog>) -> Result<(), Trouble> {
    let said = stream.cached_info().config.metadata.get(CLUSTER);
    said.map_or(Ok(()), |source| same_source(source, log))
}

fn same_source(source: &str, log: &Arc<dyn CommittedLog>) -> Result<(), Trouble> {
    if source == cloudevent::source(log.cluster()) {
        return Ok(());
    }
    // Somebody else's text, shown to operators.
    let shown = source.chars().filter(|c| !c.is_control()).take(128).collect();
    Err(Trouble::Fault(Fault::Foreign(shown)))
}

/// What a message says of the event in it.
struct Event {
    id: Option<String>,
    source: Option<String>,
}

/// The message at a sequence, from the stream's leader; none if it is gone.
async fn event_at(stream: &Stream, sequence: u64) -> Result<Option<Event>, Trouble> {
    if sequence == 0 {
        return Ok(None);
    }
    match stream.get_raw_message(sequence).await {
        Ok(message) => {
            let header = |name: &str| HeaderMap::get(&message.headers, name).map(|value| value.as_str().to_owned());
            Ok(Some(Event { id: header(ID.name), source: header(SOURCE.name) }))
        }
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(Trouble::doubt("read the stream's last message")(&error)),
    }
}

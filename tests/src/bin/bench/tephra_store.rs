//! The event store that we compare ourselves with: one event an append, each under a condition of its own.
use crate::{closed_loop, table::Round};
use anyhow::Result;
use std::{path::Path, time::Duration};
use tephra::{
    AppendCondition, Event, EventType, Query, QueryItem, SegmentConfig, SegmentSet, Tag, Tags, WriteCoordinator,
    WriterConfig,
};

/// As many bytes as our stored event has.
const PAYLOAD: usize = 128;

pub(crate) fn round(folder: &Path, callers: usize, lasting: Duration) -> Result<Round> {
    let folder = tempfile::tempdir_in(folder)?;
    let set = SegmentSet::open(folder.path(), SegmentConfig::new(1 << 30))?;
    let (coordinator, handle) = WriteCoordinator::start(set, WriterConfig::default())?;
    let kind = EventType::new("DeviceCordoned")?;
    let round = closed_loop::threads(callers, lasting, |caller| {
        let (handle, kind, mut nth) = (handle.clone(), kind.clone(), 0_u64);
        move || {
            nth += 1;
            let tags = |text: String| Tags::new(vec![Tag::new(text).expect("a tag")]).expect("tags");
            let event = Event::new(&kind, &tags(format!("device:{caller}:{nth}")), &[7; PAYLOAD]).expect("an event");
            let guard = Query::item(QueryItem::with_tags(tags(format!("device:{caller}:{nth}"))));
            handle.append(vec![event], Some(AppendCondition::new(guard))).expect("an append");
        }
    });
    coordinator.shutdown();
    Ok(round)
}

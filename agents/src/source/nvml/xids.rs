//! Two witnesses of XIDs, each XID told once.
//!
//! The kernel's log has them all, with the process and a text. NVML tells of the critical ones, and of the last alone
//! where several came at once; it is believed where the log is silent.
use crate::source::XidEvent;
use domain::device::Slot;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So many wait between two looks, and so many are remembered, of each witness.
const WAITING_MAX: usize = 1024;

/// Within this time, two witnesses that say the same mean the same.
const SAME_WITHIN: Duration = Duration::from_mins(3);

/// So long, what NVML says waits for the kernel's word, which says more.
const PATIENCE: Duration = Duration::from_secs(2);

/// The code with which NVML says that it does not know the code.
const UNKNOWN: u32 = 999;

/// What was told of late: where, which, when.
type Told = VecDeque<(Slot, u32, Instant)>;

#[derive(Debug, Default)]
pub(super) struct Xids {
    logged: VecDeque<(u64, XidEvent, Option<Instant>)>,
    events: VecDeque<(XidEvent, Instant)>,
    /// Whether the kernel's log is heard.
    readable: bool,
    /// What the kernel's log had of late.
    of_kernel: Told,
    /// What was handed on by NVML's word alone, and not heard of the kernel since.
    of_nvml: Told,
    last_sequence: Option<u64>,
    dropped: u64,
}

impl Xids {
    pub(super) fn new(last_sequence: Option<u64>) -> Self {
        Self { last_sequence, ..Self::default() }
    }

    /// The kernel logged it.
    pub(super) fn logged(&mut self, sequence: u64, event: XidEvent, when: Option<Instant>) {
        self.dropped += push(&mut self.logged, (sequence, event, when));
    }

    /// NVML says so.
    pub(super) fn told(&mut self, event: XidEvent, when: Instant) {
        self.dropped += push(&mut self.events, (event, when));
    }

    /// Whether the kernel's log can be read.
    pub(super) const fn readable(&mut self, readable: bool) {
        self.readable = readable;
    }

    /// The number of the last record of the kernel's log that was handed on.
    pub(super) const fn last_sequence(&self) -> Option<u64> {
        self.last_sequence
    }

    /// Hands on what is to be told now.
    pub(super) fn take(&mut self, now: Instant) -> Vec<XidEvent> {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            tracing::warn!(dropped, "more XIDs came between two looks than are kept: the oldest are lost");
        }
        for told in [&mut self.of_kernel, &mut self.of_nvml] {
            told.retain(|(_, _, when)| now.saturating_duration_since(*when) <= SAME_WITHIN);
        }
        let mut news = vec![];
        for (sequence, event, when) in std::mem::take(&mut self.logged) {
            self.last_sequence = Some(sequence);
            let Some(when) = when else {
                news.push(event);
                continue;
            };
            push(&mut self.of_kernel, (event.slot, event.code, when));
            // How bad it is, or what it asks for, stands in its text alone: rather counted twice than not followed.
            let told = find(&self.of_nvml, &event, when).filter(|_| !event.is_told_by_its_text());
            match told {
                Some(index) => drop(self.of_nvml.remove(index)),
                None => news.push(event),
            }
        }
        for (event, when) in std::mem::take(&mut self.events) {
            if find(&self.of_kernel, &event, when).is_some() || (event.code == UNKNOWN && self.readable) {
                continue;
            }
            if self.readable && now.saturating_duration_since(when) < PATIENCE {
                push(&mut self.events, (event, when));
                continue;
            }
            push(&mut self.of_nvml, (event.slot, event.code, when));
            news.push(event);
        }
        news
    }
}

fn find(told: &Told, event: &XidEvent, when: Instant) -> Option<usize> {
    let apart = |other: Instant| when.max(other) - when.min(other);
    told.iter().position(|(slot, code, at)| (*slot, *code) == (event.slot, event.code) && apart(*at) <= SAME_WITHIN)
}

/// Puts it at the end, and says how many had to go for it.
fn push<T>(queue: &mut VecDeque<T>, item: T) -> u64 {
    let full = queue.len() >= WAITING_MAX;
    if full {
        queue.pop_front();
    }
    queue.push_back(item);
    full.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn event(bus: u8, code: u32) -> XidEvent {
        XidEvent {
            slot: Slot { domain: 0, bus, device: 0, function: 0 },
            code,
            gpu_instance: None,
            pid: None,
            detail: Arc::default(),
            at: domain::Timestamp::from_micros(0),
        }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn heard() -> (Xids, Instant) {
        let mut xids = Xids::new(None);
        xids.readable(true);
        (xids, Instant::now())
    }

    #[test]
    fn what_both_say_is_told_once() {
        let (mut xids, start) = heard();
        // NVML first, the kernel while it waits.
        xids.told(event(1, 79), start);
        assert_eq!(xids.take(start), []);
        xids.logged(7, event(1, 79), Some(start));
        assert_eq!(xids.take(after(start, 1)), [event(1, 79)]);
        assert_eq!(xids.take(after(start, 9)), []);
        // The kernel first.
        xids.told(event(1, 79), after(start, 100));
        assert_eq!(xids.take(after(start, 120)), []);
        // The same again, much later, is another.
        xids.told(event(1, 79), after(start, 400));
        assert_eq!(xids.take(after(start, 420)), [event(1, 79)]);
        assert_eq!(xids.last_sequence(), Some(7));
    }

    #[test]
    fn a_late_record_of_what_was_told_is_not_told_again() {
        let (mut xids, start) = heard();
        xids.told(event(1, 79), start);
        assert_eq!(xids.take(after(start, 3)), [event(1, 79)]);
        xids.logged(1, event(1, 79), Some(after(start, 4)));
        xids.logged(2, event(1, 79), Some(after(start, 5)));
        assert_eq!(xids.take(after(start, 6)), [event(1, 79)]);
    }

    #[test]
    fn each_record_of_the_kernel_counts() {
        let (mut xids, start) = heard();
        for sequence in 0..3 {
            xids.logged(sequence, event(1, 31), Some(start));
        }
        xids.logged(3, event(1, 31), None);
        xids.told(event(1, 31), start);
        xids.told(event(2, 31), start);
        assert_eq!(xids.take(after(start, 3)).len(), 5);
    }

    #[test]
    fn without_a_log_nvml_is_believed_at_once() {
        let (mut xids, start) = heard();
        xids.readable(false);
        xids.told(event(1, UNKNOWN), start);
        assert_eq!(xids.take(start), [event(1, UNKNOWN)]);
        xids.readable(true);
        xids.told(event(1, UNKNOWN), start);
        assert_eq!(xids.take(after(start, 9)), []);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (mut xids, start) = heard();
        for sequence in 0..2000 {
            xids.logged(sequence, event(1, 31), Some(start));
            xids.told(event(2, 48), start);
        }
        assert_eq!(xids.take(after(start, 3)).len(), 2 * WAITING_MAX);
        assert_eq!((xids.dropped, xids.last_sequence()), (0, Some(1999)));
        assert!(xids.of_kernel.len() <= WAITING_MAX && xids.of_nvml.len() <= WAITING_MAX);
    }
}

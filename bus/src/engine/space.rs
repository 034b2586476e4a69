//! Room on the disk: below a floor nothing is taken, so that what was taken finds room.
use crate::log::LogReader;
use tokio::sync::watch;

/// Watches the room on the disk, now and then.
///
/// What is taken without another look is what was on its way to the disk at the last one (two batches of at most a
/// mebibyte and a command each), an eighth of the floor, and one command. All of it fits below the floor many times over.
pub(super) struct Space {
    reader: LogReader,
    floor: u64,
    /// Decisions and their bytes since the last look.
    decisions: u32,
    bytes: u64,
    low: Option<String>,
    shown: watch::Sender<Option<String>>,
}

impl Space {
    /// Looking costs a system call, so it is not done each time.
    const DECISIONS_MAX: u32 = 256;
    /// This part of the floor may be taken before the next look.
    const PART: u64 = 8;

    /// Looks at the disk of this log, and shows why nothing is taken while that is so.
    pub(super) const fn new(reader: LogReader, floor: u64, shown: watch::Sender<Option<String>>) -> Self {
        Self { reader, floor, decisions: Self::DECISIONS_MAX, bytes: 0, low: None, shown }
    }

    /// Why nothing may be taken now, if so.
    pub(super) fn low(&mut self) -> Option<&str> {
        let part = self.floor > 0 && self.bytes >= self.floor / Self::PART;
        let due = self.decisions >= Self::DECISIONS_MAX || part;
        if due || self.low.is_some() {
            self.look();
        }
        self.decisions += 1;
        self.low.as_deref()
    }

    /// So many bytes were decided on.
    pub(super) fn took(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    fn look(&mut self) {
        (self.decisions, self.bytes) = (0, 0);
        self.low = match self.reader.stats() {
            Ok(stats) if stats.free_bytes < self.floor => {
                Some(format!("{} bytes are free on the disk, and {} must be: make room", stats.free_bytes, self.floor))
            }
            Ok(_) => None,
            Err(error) => Some(format!("the free space can't be told: {error}")),
        };
        self.shown.send_if_modified(|shown| {
            let changed = *shown != self.low;
            shown.clone_from(&self.low);
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        log::{Log, OpenOptions},
        storage::simulated::SimulatedDisk,
    };

    const FLOOR: u64 = 8000;

    fn space(disk: &SimulatedDisk) -> (Space, watch::Receiver<Option<String>>) {
        let options = OpenOptions::new(Some(uuid::Uuid::from_u128(1)));
        let (_, reader, _) = Log::open(Box::new(disk.open().unwrap()), &options).unwrap();
        let (shown, seen) = watch::channel(None);
        (Space::new(reader, FLOOR, shown), seen)
    }

    #[test]
    fn few_large_commands_are_noticed_as_many_small_ones_are() {
        for (commands, bytes) in [(1, 1000), (4, 250), (256, 3)] {
            let disk = SimulatedDisk::new(1);
            let (mut space, seen) = space(&disk);
            assert_eq!(space.low(), None);
            // Somebody else fills the disk to below the floor.
            disk.set_capacity(disk.used() + FLOOR - 1);
            for _ in 1..commands {
                space.took(bytes);
                assert_eq!(space.low(), None, "{commands} commands of {bytes} bytes: a look costs a system call");
            }
            space.took(bytes);
            assert!(space.low().is_some(), "{commands} commands of {bytes} bytes");
            assert!(seen.borrow().is_some());
            disk.set_capacity(1 << 40);
            assert_eq!(space.low(), None, "while it is low, each command looks");
            assert!(seen.borrow().is_none());
        }
    }
}

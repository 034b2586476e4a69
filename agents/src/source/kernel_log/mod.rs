//! The kernel's log, where the driver says its XIDs: followed on a thread of its own, by the node's clock.
mod line;
mod start;

use super::XidEvent;
use bus::clock::Clock;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    io::Errno,
};
use start::Start;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// Where Linux has it.
pub const DEFAULT_PATH: &str = "/dev/kmsg";

/// So long, the thread waits before it looks whether it shall end.
const WAIT: Duration = Duration::from_secs(1);

/// So long, it waits at the end of an ordinary file, which can't be waited for.
const FILE_WAIT: Duration = Duration::from_millis(100);

/// So long after it could not be read, the log is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// More than a record of any kernel (`CONSOLE_EXT_LOG_MAX`): a read into less fails.
const BUFFER: usize = 16 * 1024;

/// The longest line that is kept: what is longer is no record.
const LINE_MAX: usize = 64 * 1024;

/// What is heard of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An XID was logged.
    Xid {
        /// The record's number: they rise, and begin anew when the host starts.
        sequence: u64,
        /// What it says.
        event: XidEvent,
        /// When that was, by this machine's steady clock, where that can be told.
        when: Option<Instant>,
    },
    /// Whether the log can be read.
    Readable(bool),
    /// All that the kernel had when it was opened is told, or can't be.
    CaughtUp,
}

/// Who hears of the log.
pub trait Listener {
    /// Takes in news.
    fn hear(&mut self, news: News);
    /// Whether nobody listens any more, so that the thread ends.
    fn is_gone(&self) -> bool;
}

/// Follows a log.
pub struct Follower<L> {
    path: PathBuf,
    host_root: PathBuf,
    clock: Arc<dyn Clock>,
    listener: L,
    /// The last record that was read.
    last: Option<u64>,
}

impl<L: Listener> Follower<L> {
    /// Follows the log at that path, beginning behind the record with the number `last`. The host's uptime is read below
    /// its root.
    pub const fn new(path: PathBuf, host_root: PathBuf, clock: Arc<dyn Clock>, last: Option<u64>, listener: L) -> Self {
        Self { path, host_root, clock, listener, last }
    }

    /// Follows it until the listener is gone. Where it can't be read, that is logged once, and it is tried again.
    pub fn run(mut self) {
        let mut told = false;
        while !self.listener.is_gone() {
            let Err(error) = self.read() else { return };
            if !std::mem::replace(&mut told, true) {
                let (path, error) = (self.path.display(), &error as &dyn std::error::Error);
                tracing::warn!(%path, error, "the kernel's log can't be read: XIDs come from NVML alone");
            }
            self.listener.hear(News::Readable(false));
            self.listener.hear(News::CaughtUp);
            let again = Instant::now() + AGAIN_AFTER;
            while Instant::now() < again && !self.listener.is_gone() {
                std::thread::sleep(WAIT);
            }
        }
    }

    /// Reads until the listener is gone.
    fn read(&mut self) -> io::Result<()> {
        let mut log = open(&self.path)?;
        let start = Start::read(&self.host_root, &*self.clock);
        self.listener.hear(News::Readable(true));
        let mut lines = Lines::default();
        let mut buffer = vec![0; BUFFER];
        let mut caught_up = false;
        while !self.listener.is_gone() {
            match log.read(&mut buffer) {
                Ok(count @ 1..) => {
                    lines.take(&buffer[..count], |line| self.take(line, &start, caught_up));
                    continue;
                }
                Ok(0) => std::thread::sleep(FILE_WAIT),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&log)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // EPIPE: records were overwritten before they were read. The next read gives the oldest that is left.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => continue,
                Err(error) => return Err(error),
            }
            if !std::mem::replace(&mut caught_up, true) {
                self.listener.hear(News::CaughtUp);
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &str, start: &Start, caught_up: bool) {
        let Some(record) = line::record(line) else { return };
        if self.last.is_some_and(|last| record.sequence <= last) {
            return;
        }
        self.last = Some(record.sequence);
        let Some(xid) = line::xid(record.text) else { return };
        let event = XidEvent {
            slot: xid.slot,
            code: xid.code,
            gpu_instance: xid.gpu_instance,
            pid: xid.pid,
            detail: detail(xid.detail),
            // What comes while one waits for it is of now: the clock of the log drifts, and the wall's may be set.
            at: start.wall(record.uptime).filter(|_| !caught_up).unwrap_or_else(|| self.clock.now()),
        };
        let when = if caught_up { Some(Instant::now()) } else { start.steady(record.uptime) };
        self.listener.hear(News::Xid { sequence: record.sequence, event, when });
    }
}

/// Reads a record of the log at that path, if it has one.
///
/// # Errors
/// It can't be read.
pub fn try_read(path: &Path) -> io::Result<()> {
    match open(path)?.read(&mut vec![0; BUFFER]) {
        Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::BrokenPipe) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What is said, on one line and within its bound.
fn detail(text: &str) -> Arc<str> {
    let text = &text[..text.floor_char_boundary(XidEvent::DETAIL_MAX)];
    if text.contains(char::is_control) {
        // Each becomes one byte, so that the bound holds.
        text.replace(char::is_control, " ").into()
    } else {
        text.into()
    }
}

/// Waits a while for more.
fn wait(log: &File) -> io::Result<()> {
    let limit = Timespec { tv_sec: i64::try_from(WAIT.as_secs()).unwrap_or(1), tv_nsec: 0 };
    match poll(&mut [PollFd::new(log, PollFlags::IN)], Some(&limit)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens it such that no read waits: the thread could not end.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Bytes, put together to lines.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], mut whole: impl FnMut(&str)) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            if self.begun.len() + piece.len() <= LINE_MAX {
                self.begun.extend_from_slice(piece);
            }
            if pieces.peek().is_some() {
                whole(&String::from_utf8_lossy(&self.begun));
                self.begun.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        let mut found = vec![];
        for piece in ["4,1,2,-;on", "e\n4,2,3,-;two\n SUBS", "YSTEM=x\n", "4,3,4,-;thr"] {
            lines.take(piece.as_bytes(), |line| found.push(line.to_owned()));
        }
        assert_eq!(found, ["4,1,2,-;one", "4,2,3,-;two", " SUBSYSTEM=x"]);
        for _ in 0..10 {
            lines.take(&vec![b'x'; LINE_MAX], |_| unreachable!("the line has no end"));
        }
        assert!(lines.begun.len() <= LINE_MAX);
    }

    /// What was heard of the log at that path, up to the news that ends it.
    fn heard(path: &str, end: impl Fn(&News) -> bool) -> Vec<News> {
        let (tell, news) = std::sync::mpsc::channel();
        let listener = Ear { tell, gone: Arc::default() };
        let gone = Arc::clone(&listener.gone);
        let follower =
            Follower::new(PathBuf::from(path), PathBuf::from("/"), Arc::new(bus::clock::SystemClock), None, listener);
        let thread = std::thread::spawn(move || follower.run());
        let mut found = vec![];
        while !found.last().is_some_and(&end) {
            found.push(news.recv_timeout(Duration::from_secs(20)).expect("news in time"));
        }
        gone.store(true, std::sync::atomic::Ordering::Relaxed);
        thread.join().expect("the thread ends");
        found
    }

    struct Ear {
        tell: std::sync::mpsc::Sender<News>,
        gone: Arc<std::sync::atomic::AtomicBool>,
    }

    impl Listener for Ear {
        fn hear(&mut self, news: News) {
            // The test may have heard enough.
            let _ = self.tell.send(news);
        }

        fn is_gone(&self) -> bool {
            self.gone.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    #[test]
    fn the_kernels_own_log_is_read_to_its_end_or_said_to_be_unreadable() {
        let news = heard(DEFAULT_PATH, |news| *news == News::CaughtUp);
        assert!(matches!(news[0], News::Readable(_)));
    }

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> domain::Timestamp {
            domain::Timestamp::from_micros(43_200_000_000)
        }
    }

    #[test]
    fn what_comes_while_one_waits_is_of_now_and_what_was_there_of_its_own_time() {
        let (tell, news) = std::sync::mpsc::channel();
        let (root, clock) = (tempfile::tempdir().unwrap(), Arc::new(Noon));
        std::fs::create_dir(root.path().join("proc")).unwrap();
        std::fs::write(root.path().join("proc/uptime"), "3600.00 1.00\n").unwrap();
        let start = Start::read(root.path(), &Noon);
        let listener = Ear { tell, gone: Arc::default() };
        let mut follower = Follower::new(PathBuf::new(), PathBuf::new(), clock, None, listener);
        let mut at = |sequence: u64, caught_up| {
            let line = format!("4,{sequence},60000000,-;NVRM: Xid (PCI:0000:b3:00): 79, gone");
            follower.take(&line, &start, caught_up);
            let Ok(News::Xid { event, .. }) = news.try_recv() else { panic!("an XID is heard") };
            event.at
        };
        assert_eq!(at(1, false), Noon.now().plus_seconds(60 - 3600));
        assert_eq!(at(2, true), Noon.now(), "whatever the log's clock says by then");
    }

    #[test]
    fn a_log_that_is_not_there_is_unreadable() {
        let news = heard("/nowhere/kmsg", |news| *news == News::CaughtUp);
        assert_eq!(news, [News::Readable(false), News::CaughtUp]);
    }

    #[test]
    fn a_detail_is_one_short_line() {
        assert_eq!(&*detail("a\tb\u{85}c"), "a b c");
        assert_eq!(detail(&"é".repeat(150)).len(), XidEvent::DETAIL_MAX);
    }
}

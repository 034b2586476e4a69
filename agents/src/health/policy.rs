//! The health policy: data, built in or an operator's own, read into what the judge goes by.
mod file;

pub(crate) use file::BURSTS_MAX;

use super::{
    damper::{Begin, Damping},
    detail::Detail,
    signal::Signal,
};
use domain::device::{ConditionKind, Device, Remedy, Severity};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

/// What is wrong with a GPU when, how bad that is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which policy it is, by who wrote it.
    pub version: u32,
    /// Which text it was read from: the first eight hexadecimal digits of its BLAKE3 hash.
    pub fingerprint: Arc<str>,
    /// By kind: its lines, of which the first that holds says how bad it is.
    pub kinds: BTreeMap<ConditionKind, Vec<Line>>,
    /// What each known XID says.
    pub names: BTreeMap<u32, Arc<str>>,
    /// What tells an application's fault from the hardware's.
    pub suspect: Suspect,
    /// What comes and goes too often.
    pub flapping: Flapping,
    /// What needed a remedy too often.
    pub remedied: Remedied,
    /// A driver or GPU that gives no answer for so long is unknown.
    pub hung: Duration,
    /// A GPU that is not there for so long is missing.
    pub missing: Duration,
    /// A GPU is not missing while the host has run for less than this.
    pub missing_grace: Duration,
}

/// One line: a condition, if this holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How bad it is.
    pub severity: Severity,
    /// What to do.
    pub remedy: Remedy,
    /// What has to hold.
    pub test: Test,
    /// How often or long it has to hold, and how long not, to be over.
    pub damping: Damping,
    /// It does not begin while the host has run for less than this.
    pub grace: Duration,
}

/// What has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// A number is within a range.
    Level {
        /// Which number.
        signal: Signal,
        /// Which values hold.
        holds: Values,
        /// Once raised, it holds until the value is below this.
        clear_below: Option<i64>,
        /// What a person is told.
        reason: Arc<str>,
    },
    /// One of these XIDs was logged.
    Xid {
        /// The codes.
        codes: BTreeSet<u32>,
        /// Only if one of these was logged as well; if it is empty, in any case.
        with: BTreeSet<u32>,
        /// Only if the line in the log says this.
        detail: Option<Detail>,
        /// For how long.
        until: Until,
    },
    /// An XID that no line and no name knows was logged within this time.
    UnknownXid(Duration),
    /// See [`Suspect`].
    Suspect,
    /// See [`Flapping`].
    Flapping,
    /// See [`Remedied`].
    Remedied,
}

/// Which values hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// This and above.
    From(i64),
    /// These.
    Among(BTreeSet<i64>),
    /// All but these.
    NotAmong(BTreeSet<i64>),
}

impl Values {
    /// Whether this one does.
    pub fn contains(&self, value: i64) -> bool {
        match self {
            Self::From(least) => value >= *least,
            Self::Among(values) => values.contains(&value),
            Self::NotAmong(values) => !values.contains(&value),
        }
    }
}

/// For how long what was logged stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// For this long after it was logged last.
    Quiet(Duration),
    /// Until the GPU is reset, or the host restarted.
    Reset,
    /// Until the host is restarted.
    Boot,
}

/// The same application fault on one GPU, from different processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// So many times...
    pub bursts: usize,
    /// ... each at least so long after the one before...
    pub burst: Duration,
    /// ... from so many processes...
    pub processes: usize,
    /// ... within so long.
    pub within: Duration,
    /// The codes of applications' faults.
    pub codes: BTreeSet<u32>,
}

/// A condition that begins again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flapping {
    /// So many times...
    pub times: usize,
    /// ... within so long.
    pub within: Duration,
    /// Believed for so long after the last time.
    pub keep: Duration,
}

/// A GPU that was reset, or whose host was restarted, because it needed that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedied {
    /// So many times...
    pub times: usize,
    /// ... each at least so long after the one before...
    pub burst: Duration,
    /// ... within so long.
    pub within: Duration,
    /// Believed for so long after the last time.
    pub keep: Duration,
}

/// The text is no health policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is no TOML, or has a field that there is not.
    #[error("the health policy can't be read: {0}")]
    Format(#[from] toml::de::Error),
    /// A line contradicts itself, or a bound.
    #[error("the health policy, {place}: {wrong}")]
    Line {
        /// Which line.
        place: String,
        /// What is wrong with it.
        wrong: String,
    },
}

impl Policy {
    /// The text of the built-in policy.
    pub const BUILT_IN: &'static str = include_str!("policy.toml");

    /// The most kinds: a device has no more conditions at a time.
    pub const KINDS_MAX: usize = Device::CONDITIONS_MAX;

    /// The built-in policy.
    pub fn built_in() -> Arc<Self> {
        static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
            let policy = Policy::parse(Policy::BUILT_IN);
            Arc::new(policy.expect("a test reads the built-in policy"))
        });
        Arc::clone(&POLICY)
    }

    /// The policy that this text is.
    ///
    /// # Errors
    /// See [`PolicyError`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        file::read(text)
    }

    /// Which policy it is, as the agent tells it with its own version: two texts of one version are told apart.
    pub fn name(&self) -> String {
        format!("{} ({})", self.version, self.fingerprint)
    }

    /// Whether a line, or a name, knows this code.
    pub fn knows(&self, code: u32) -> bool {
        self.names.contains_key(&code) || self.has_line(code)
    }

    fn has_line(&self, code: u32) -> bool {
        let names = |line: &Line| matches!(&line.test, Test::Xid { codes, .. } if codes.contains(&code));
        self.kinds.values().flatten().any(names)
    }

    /// Whether this code is counted, and is no condition by itself: known, and in no line.
    pub fn is_only_counted(&self, code: u32) -> bool {
        self.names.contains_key(&code) && !self.has_line(code)
    }

    /// Every line with its kind, in the order in which they are judged.
    pub fn lines(&self) -> impl Iterator<Item = (&ConditionKind, &Line)> {
        self.kinds.iter().flat_map(|(kind, lines)| lines.iter().map(move |line| (kind, line)))
    }

    /// What lines look for in what is logged with this code.
    pub fn details(&self, code: u32) -> impl Iterator<Item = &Detail> {
        self.kinds.values().flatten().filter_map(move |line| match &line.test {
            Test::Xid { codes, detail, .. } if codes.contains(&code) => detail.as_ref(),
            _ => None,
        })
    }

    /// What a person is told of this code.
    pub fn says(&self, code: u32) -> Arc<str> {
        match self.names.get(&code) {
            Some(name) => format!("XID {code}: {name}").into(),
            None => format!("XID {code}").into(),
        }
    }
}

impl Damping {
    /// At once, and until it is over.
    pub const NONE: Self = Self { begin: Begin::After(Duration::ZERO), keep: Duration::ZERO, latch: None };
}

#[cfg(test)]
mod tests;

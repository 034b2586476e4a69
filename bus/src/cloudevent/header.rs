//! The headers of an event's message: the attributes of `CloudEvents` as its NATS binding spells them, and ours.

/// A UUID between two texts, as a regular expression.
macro_rules! uuid {
    ($before:literal, $behind:literal) => {
        concat!($before, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", $behind)
    };
}

/// A header: what it is called, and what it says.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// Its name, as it is spelt.
    pub name: &'static str,
    /// What it says.
    pub about: &'static str,
    /// What its value matches, as a regular expression of ECMA-262.
    pub pattern: &'static str,
}

/// The version of `CloudEvents`.
pub const SPECVERSION: Header =
    Header { name: "ce-specversion", about: "The version of CloudEvents.", pattern: r"^1\.0$" };

/// The event's id.
pub const ID: Header = Header {
    name: "ce-id",
    about: "The event's id (UUIDv7), unique in the world: by it a repeat is known.",
    pattern: uuid!("^", "$"),
};

/// The cluster.
pub const SOURCE: Header =
    Header { name: "ce-source", about: "The cluster that it happened in.", pattern: uuid!("^/dkube/", "$") };

/// The event's name.
pub const TYPE: Header =
    Header { name: "ce-type", about: "The event's name, behind io.dkube.", pattern: r"^io\.dkube\.[A-Za-z]+$" };

/// The main subject.
pub const SUBJECT: Header = Header {
    name: "ce-subject",
    about: "What it is about, as `pool/vision`: a kind and a name, or `cluster` or `license` alone.",
    pattern: r"^(cluster|license|[a-z]+/[A-Za-z0-9.\-]+)$",
};

/// When it was decided.
pub const TIME: Header = Header {
    name: "ce-time",
    about: "When it was decided, by the server's clock: RFC 3339, UTC. It rises from command to command.",
    pattern: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
};

/// The content type of the data.
pub const DATA_CONTENT_TYPE: Header =
    Header { name: "content-type", about: "What the data is.", pattern: "^application/json$" };

/// The position.
pub const POSITION: Header = Header {
    name: "ce-dkubeposition",
    about: "Its place in the one global order of events, from 1 without gaps: the message's sequence in the stream.",
    pattern: "^[1-9][0-9]*$",
};

/// The correlation id.
pub const CORRELATION: Header = Header {
    name: "ce-dkubecorrelation",
    about: "The same UUID for all that one wish brought about.",
    pattern: uuid!("^", "$"),
};

/// Who brought it about.
pub const ACTOR: Header = Header {
    name: "ce-dkubeactor",
    about: "Who brought it about: `user/<id>`, `agent/<node>`, or `system`. Users are named by id, never by login.",
    pattern: uuid!("^(system|user/", r"|agent/[a-z0-9.\-]+)$"),
};

/// Every header of an event's message, in the order in which they are written. All are always there.
pub const ALL: [&Header; 10] =
    [&SPECVERSION, &ID, &SOURCE, &TYPE, &SUBJECT, &TIME, &DATA_CONTENT_TYPE, &POSITION, &CORRELATION, &ACTOR];

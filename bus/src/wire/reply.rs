//! What the server answers to a report.
use super::{REPLY_MAX, WireError, read, write};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The server's answer to a report. Whatever it says to be taken is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// All reports of this incarnation up to this sequence are taken: the agent may forget them. A report that was
    /// already taken gets this answer too.
    Taken {
        /// The last sequence that is taken.
        up_to: u64,
    },
    /// The rules refuse this report and will not take it later. It counts as dealt with where `next` is past it.
    Refused {
        /// The sequence that the server takes next.
        next: u64,
        /// The refusal's stable code.
        code: String,
        /// What a person is told.
        detail: String,
    },
    /// The server can't take it now; the same bytes again, after this time.
    TryAgain {
        /// How long to wait first.
        after: Duration,
    },
    /// Another agent has this node, or had it a moment ago: nothing of this one is taken while that is so. All of it again,
    /// after this time, in a new life, since the other may be a copy that counts alike.
    Held {
        /// How long to wait first.
        after: Duration,
    },
    /// The report is not the next one: reports from this sequence on are wanted.
    Expected {
        /// The sequence that the server takes next: 1 for an incarnation that it does not know.
        next: u64,
    },
}

impl Reply {
    /// The longest code and the longest detail, in bytes; what is longer is cut when it is sent.
    pub const TEXT_MAX: usize = 1024;

    /// Its bytes.
    ///
    /// # Errors
    /// None for a reply that keeps its bounds, which cutting its texts ensures.
    pub fn encode(&self) -> Result<Bytes, WireError> {
        let reply = match self {
            Self::Taken { up_to } => ReplyV1::Taken(*up_to),
            Self::Refused { next, code, detail } => {
                ReplyV1::Refused(*next, cut(code).to_owned(), cut(detail).to_owned())
            }
            Self::TryAgain { after } => ReplyV1::TryAgain(millis(*after)),
            Self::Expected { next } => ReplyV1::Expected(*next),
            Self::Held { after } => ReplyV1::Held(millis(*after)),
        };
        write(&reply, REPLY_MAX)
    }

    /// The reply that these bytes are.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(match read(bytes, REPLY_MAX)? {
            ReplyV1::Taken(up_to) => Self::Taken { up_to },
            ReplyV1::Refused(next, code, detail) => Self::Refused { next, code, detail },
            ReplyV1::TryAgain(millis) => Self::TryAgain { after: Duration::from_millis(millis.into()) },
            ReplyV1::Expected(next) => Self::Expected { next },
            ReplyV1::Held(millis) => Self::Held { after: Duration::from_millis(millis.into()) },
        })
    }
}

/// What travels. Frozen: its variants keep their order, and a new one is a new version.
#[derive(Serialize, Deserialize)]
enum ReplyV1 {
    Taken(u64),
    Refused(u64, String, String),
    TryAgain(u32),
    Expected(u64),
    Held(u32),
}

fn millis(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(Reply::TEXT_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_reply() -> [Reply; 5] {
        [
            Reply::Taken { up_to: 41 },
            Reply::Refused { next: 7, code: "device.elsewhere".to_owned(), detail: "it is on another node".to_owned() },
            Reply::TryAgain { after: Duration::from_millis(250) },
            Reply::Expected { next: u64::MAX },
            Reply::Held { after: Duration::from_secs(15) },
        ]
    }

    #[test]
    fn replies_come_back_as_they_were() {
        for reply in every_reply() {
            assert_eq!(Reply::decode(&reply.encode().unwrap()), Ok(reply));
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(4000);
        let reply = Reply::Refused { next: 1, code: long.clone(), detail: long };
        let Reply::Refused { code, detail, .. } = Reply::decode(&reply.encode().unwrap()).unwrap() else {
            panic!("another reply")
        };
        assert_eq!((code.len(), detail.len()), (Reply::TEXT_MAX, Reply::TEXT_MAX));
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(Reply::decode(&[]), Err(WireError::Malformed));
        assert_eq!(Reply::decode(&[2, 0, 1]), Err(WireError::Version(2)));
        assert_eq!(Reply::decode(&[1, 0, 1, 0]), Err(WireError::Malformed));
        assert_eq!(Reply::decode(&[1, 9]), Err(WireError::Malformed));
        let long = vec![1; REPLY_MAX + 1];
        assert_eq!(Reply::decode(&long), Err(WireError::TooLarge { size: REPLY_MAX + 1, limit: REPLY_MAX }));
    }
}

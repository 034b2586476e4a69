//! Whose keys there have to be, as the log tells without any of them.
use crate::log::{LogError, LogReader};
use domain::{
    Actor, Event, Position, Recorded, Subject, UserId,
    stored::{self, Blind, DecodeError},
    user,
};
use std::collections::BTreeSet;

/// Everybody whose key seals something in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Those who were erased: their keys are not lost, they were thrown away.
    pub erased: BTreeSet<UserId>,
    /// All others.
    pub users: BTreeSet<UserId>,
}

/// The log does not tell.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// It can't be read.
    #[error("cannot read the log")]
    Log(#[from] LogError),
    /// An event of it can't be read, keys aside.
    #[error("cannot read the event at position {position}")]
    Event {
        /// Where it stands.
        position: Position,
        /// Why not.
        #[source]
        source: DecodeError,
    },
}

impl Known {
    /// Reads all of the log.
    ///
    /// # Errors
    /// See [`KnownError`].
    pub fn of_log(reader: &LogReader) -> Result<Self, KnownError> {
        let mut known = Self::default();
        reader.replay(0, u64::MAX, |position, bytes| {
            let position = Position(position);
            let recorded = stored::decode(bytes, &Blind).map_err(|source| KnownError::Event { position, source })?;
            known.learn(&recorded);
            Ok::<(), KnownError>(())
        })?;
        Ok(known)
    }

    /// Whoever an event is by, or about: nobody else's key seals anything in it.
    fn learn(&mut self, recorded: &Recorded) {
        if let Event::User(user::Event::Erased { user }) = recorded.event {
            self.users.remove(&user);
            self.erased.insert(user);
        }
        let about = recorded.subjects.iter().filter_map(|subject| match subject {
            Subject::User(user) => Some(*user),
            _ => None,
        });
        let by = match recorded.actor {
            Actor::User(user) => Some(user),
            Actor::System | Actor::Agent(_) => None,
        };
        let somebody = about.chain(by).filter(|user| !self.erased.contains(user));
        self.users.extend(somebody.collect::<Vec<_>>());
    }
}

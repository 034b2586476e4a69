use crate::{Refusal, Subject, Timestamp, UserId, published::events};
use serde::Serialize;
use std::sync::Arc;

events! {
    /// What somebody tried. From where is told beside it, sealed, as for every event.
    ///
    /// So many sign-ins and so many refusals are recorded of one source within a time, and so many refusals of all;
    /// [`Omitted`](Self::Omitted) counts the rest.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// A user signed in.
        SignedIn = "SignedIn" {
            /// The user.
            user: UserId,
            /// Whether this is the operator who remains when single sign-on is wrong.
            break_glass: bool,
        },
        /// Somebody did not come in. Who it was is not known, so it is told in the server's name.
        SignInFailed = "SignInFailed" {
            /// The user whose login was given; none, if nobody has it: what was typed is not recorded, it may be a password.
            user: Option<UserId>,
            /// Why: a stable code.
            code: Arc<str>,
        },
        /// A user was refused what their role, or what they showed, does not allow.
        Denied = "AccessDenied" {
            /// The user.
            user: UserId,
            /// What they asked for: a method and the pattern of a path, as in the API's description.
            operation: Arc<str>,
            /// Why: a stable code.
            code: Arc<str>,
        },
        /// The rules refused a command of a user.
        Rejected = "CommandRejected" {
            /// The user.
            user: UserId,
            /// Which command, as `pool.create`.
            command: Arc<str>,
            /// Why: a stable code.
            code: Arc<str>,
            /// Why, for a person; without logins.
            detail: Arc<str>,
            /// What it would have changed, as far as that is there: at most 8.
            about: Vec<Subject>,
        },
        /// A user read the audit trail. Told now and then for as long as they go on, and not of every page.
        AuditRead = "AuditRead" {
            /// The user.
            user: UserId,
        },
        /// More was tried than is recorded.
        Omitted = "AttemptsOmitted" {
            /// How many sign-ins were not recorded.
            sign_ins: u32,
            /// How many failed sign-ins, denials and refused commands were not recorded.
            refusals: u32,
            /// From when on.
            since: Timestamp,
            /// Until when.
            until: Timestamp,
            /// Users who tried, as far as they are known: at most 16.
            users: Vec<UserId>,
        },
    }
}

impl Event {
    /// The most subjects that a refused command is recorded with.
    pub const ABOUT_MAX: usize = 8;
    /// The most users that are named of those whose attempts were not recorded.
    pub const USERS_MAX: usize = 16;
    /// The longest code, operation or name of a command, in bytes.
    pub(super) const WORD_MAX: usize = 128;
    /// The longest detail, in bytes.
    const DETAIL_MAX: usize = 512;

    /// That the rules refused a user's command of this name, which is about these.
    pub fn rejected(user: UserId, command: &str, refusal: &Refusal, mut about: Vec<Subject>) -> Self {
        about.truncate(Self::ABOUT_MAX);
        let detail = &refusal.detail[..refusal.detail.floor_char_boundary(Self::DETAIL_MAX)];
        Self::Rejected {
            user,
            command: command.into(),
            code: refusal.code.as_str().into(),
            detail: detail.into(),
            about,
        }
    }

    /// What it is about, the main subject first.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        let user = |user: &UserId| vec![Subject::User(*user)];
        match self {
            Self::SignedIn { user: who, .. }
            | Self::SignInFailed { user: Some(who), .. }
            | Self::Denied { user: who, .. }
            | Self::AuditRead { user: who } => user(who),
            Self::SignInFailed { user: None, .. } => vec![Subject::Cluster],
            Self::Rejected { user: who, about, .. } => {
                let others = about.iter().filter(|subject| **subject != Subject::User(*who));
                user(who).into_iter().chain(others.cloned()).collect()
            }
            Self::Omitted { users, .. } => {
                std::iter::once(Subject::Cluster).chain(users.iter().copied().map(Subject::User)).collect()
            }
        }
    }
}

//! The stored form of what somebody tried.
use super::{
    DecodeError, EncodeError,
    envelope::{timestamp, word},
    frozen::{Opener, Thaw, Writer},
};
use crate::{Event as Fact, UserId, access::Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct SignedInV1 {
    user: [u8; 16],
    break_glass: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SignInFailedV1<'a> {
    user: Option<[u8; 16]>,
    code: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AccessDeniedV1<'a> {
    user: [u8; 16],
    operation: &'a str,
    code: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CommandRejectedV1<'a> {
    user: [u8; 16],
    command: &'a str,
    code: &'a str,
    detail: &'a str,
    /// Subjects, as text.
    about: Vec<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AuditReadV1 {
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct AttemptsOmittedV1 {
    sign_ins: u32,
    refusals: u32,
    since: i64,
    until: i64,
    users: Vec<[u8; 16]>,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::SignedIn { user, break_glass } => {
            writer.put(&SignedInV1 { user: bytes(user), break_glass: *break_glass })
        }
        Event::SignInFailed { user, code } => writer.put(&SignInFailedV1 { user: user.as_ref().map(bytes), code }),
        Event::Denied { user, operation, code } => writer.put(&AccessDeniedV1 { user: bytes(user), operation, code }),
        Event::Rejected { user, command, code, detail, about } => writer.put(&CommandRejectedV1 {
            user: bytes(user),
            command,
            code,
            detail,
            about: about.iter().map(ToString::to_string).collect(),
        }),
        Event::AuditRead { user } => writer.put(&AuditReadV1 { user: bytes(user) }),
        Event::Omitted { sign_ins, refusals, since, until, users } => writer.put(&AttemptsOmittedV1 {
            sign_ins: *sign_ins,
            refusals: *refusals,
            since: since.micros(),
            until: until.micros(),
            users: users.iter().map(bytes).collect(),
        }),
    }
}

fn bytes(user: &UserId) -> [u8; 16] {
    user.0.into_bytes()
}

fn user(bytes: [u8; 16]) -> UserId {
    UserId(Uuid::from_bytes(bytes))
}

impl Thaw for SignedInV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Access(Event::SignedIn { user: user(self.user), break_glass: self.break_glass }))
    }
}

impl Thaw for SignInFailedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Access(Event::SignInFailed { user: self.user.map(user), code: self.code.into() }))
    }
}

impl Thaw for AccessDeniedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (operation, code) = (self.operation.into(), self.code.into());
        Ok(Fact::Access(Event::Denied { user: user(self.user), operation, code }))
    }
}

impl Thaw for CommandRejectedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let about = self.about.iter().map(|text| word(text, "what a command was about"));
        Ok(Fact::Access(Event::Rejected {
            user: user(self.user),
            command: self.command.into(),
            code: self.code.into(),
            detail: self.detail.into(),
            about: about.collect::<Result<_, _>>()?,
        }))
    }
}

impl Thaw for AuditReadV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Access(Event::AuditRead { user: user(self.user) }))
    }
}

impl Thaw for AttemptsOmittedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Access(Event::Omitted {
            sign_ins: self.sign_ins,
            refusals: self.refusals,
            since: timestamp(self.since, "when attempts began to be left out")?,
            until: timestamp(self.until, "when attempts ceased to be left out")?,
            users: self.users.into_iter().map(user).collect(),
        }))
    }
}

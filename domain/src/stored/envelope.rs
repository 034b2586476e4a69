//! The envelope: what is known of every event, readable without knowing the event.
//!
//! ```text
//! 1     format version (1)
//! 1     flags: bits 0-1 actor, 2 token, 3 origin, 4 correlation, 5 particulars, 6 one of several; bit 7 is zero
//! n     type number, then 1 byte of schema version
//! n     position
//! 16    event id
//! n     recorded at, in µs (signed)
//! 16/n  actor: the user's uuid, or the node's name with its length; nothing for the system
//! 16    token, if flagged
//! 16+n  origin, if flagged: incarnation, sequence, and how many µs before recording it was observed (signed)
//! n+n   index and count, if flagged; else 0 of 1
//! 16    correlation, if flagged; else the command's id, which is the event's with the last 16 bits cleared
//! n     sealed particulars with their length, if flagged
//! n     how many subjects, then each: a tag, then by the tag's last two bits nothing, 16 bytes, or text with its length
//! …     the payload: postcard of the frozen struct of that type and version
//! ```
//! Numbers (`n`) are LEB128 in their shortest form; signed ones are zigzag-folded. An older release skips subjects that it
//! does not know; anything else that it could not skip takes a new format version.
use super::{
    DecodeError, EncodeError, Sealed,
    bytes::{Reader, put_signed, put_slice, put_varint},
};
use crate::{
    Actor, CommandId, EventId, Incarnation, JobId, NodeName, Origin, Position, Recorded, Subject, Timestamp, TokenId,
    UserId, device::DeviceId,
};
use std::str::FromStr;
use uuid::Uuid;

const FORMAT: u8 = 1;

const ACTOR: u8 = 0b11;
const TOKEN: u8 = 1 << 2;
const ORIGIN: u8 = 1 << 3;
const CORRELATION: u8 = 1 << 4;
const PARTICULARS: u8 = 1 << 5;
const SEVERAL: u8 = 1 << 6;
const RESERVED: u8 = 1 << 7;

/// The most subjects that an event may have.
pub const SUBJECTS_MAX: usize = 512;

/// What the log knows of an event besides the event itself; also of one that only a later release knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The number of the event's type.
    pub event_type: u16,
    /// The version of the payload's struct.
    pub version: u8,
    /// Its place in the global order.
    pub position: Position,
    /// Unique in the world.
    pub id: EventId,
    /// The server's clock when it was decided.
    pub recorded_at: Timestamp,
    /// Who brought it about.
    pub actor: Actor,
    /// The token that was used, where one was.
    pub token: Option<TokenId>,
    /// For an agent's report, which one.
    pub origin: Option<Origin>,
    /// Its number among its command's events, from 0.
    pub index: u16,
    /// How many events its command recorded.
    pub count: u16,
    /// What ties it to commands elsewhere; the command's own id where nobody gave another.
    pub correlation: Uuid,
    /// The source address and the reason, sealed under the actor's key.
    pub particulars: Option<Sealed>,
    /// What it is about, the main subject first.
    pub subjects: Vec<Subject>,
    /// How many subjects more it has, of kinds that only a later release knows.
    pub unknown_subjects: usize,
}

/// The envelope's bytes: the payload follows them.
pub(super) fn write(recorded: &Recorded, event_type: u16, version: u8) -> Result<Vec<u8>, EncodeError> {
    let command = recorded.command().uuid();
    let mut flags = match &recorded.actor {
        Actor::System => 0,
        Actor::User(_) => 1,
        Actor::Agent(_) => 2,
    };
    let flagged = [
        (TOKEN, recorded.token.is_some()),
        (ORIGIN, recorded.origin.is_some()),
        (CORRELATION, recorded.correlation != command),
        (PARTICULARS, recorded.particulars.is_some()),
        (SEVERAL, (recorded.index, recorded.count) != (0, 1)),
    ];
    for (flag, _) in flagged.into_iter().filter(|(_, set)| *set) {
        flags |= flag;
    }
    let mut out = Vec::with_capacity(256);
    out.extend([FORMAT, flags]);
    put_varint(&mut out, event_type.into());
    out.push(version);
    put_varint(&mut out, recorded.position.0);
    out.extend_from_slice(recorded.id.0.as_bytes());
    put_signed(&mut out, recorded.recorded_at.micros());
    match &recorded.actor {
        Actor::System => {}
        Actor::User(id) => out.extend_from_slice(id.0.as_bytes()),
        Actor::Agent(node) => put_slice(&mut out, node.as_str().as_bytes()),
    }
    if let Some(token) = recorded.token {
        out.extend_from_slice(token.0.as_bytes());
    }
    if let Some(origin) = &recorded.origin {
        out.extend_from_slice(origin.incarnation.0.as_bytes());
        put_varint(&mut out, origin.sequence);
        put_signed(&mut out, recorded.recorded_at.micros() - origin.observed_at.micros());
    }
    if flags & SEVERAL != 0 {
        put_varint(&mut out, recorded.index.into());
        put_varint(&mut out, recorded.count.into());
    }
    if flags & CORRELATION != 0 {
        out.extend_from_slice(recorded.correlation.as_bytes());
    }
    if let Some(sealed) = &recorded.particulars {
        put_slice(&mut out, &sealed.0);
    }
    put_subjects(&mut out, &recorded.subjects)?;
    Ok(out)
}

/// The envelope, and the payload behind it.
///
/// # Errors
/// A newer format, or damage.
pub fn decode_envelope(bytes: &[u8]) -> Result<(Envelope, &[u8]), DecodeError> {
    if bytes.len() > super::EVENT_MAX {
        return Err(DecodeError::Damaged("it is longer than an event may be"));
    }
    let mut reader = Reader::new(bytes);
    match reader.byte("the format")? {
        FORMAT => {}
        0 => return Err(DecodeError::Damaged("the format")),
        newer => return Err(DecodeError::NewerFormat(newer)),
    }
    let flags = reader.byte("the flags")?;
    if flags & RESERVED != 0 {
        return Err(DecodeError::Damaged("the flags"));
    }
    let event_type = short(&mut reader, "the type number")?;
    let version = reader.byte("the schema version")?;
    let position = Position(reader.varint("the position")?);
    let id = EventId(Uuid::from_bytes(reader.array("the event id")?));
    let recorded_at = timestamp(reader.signed("the time of recording")?, "the time of recording")?;
    let actor = match flags & ACTOR {
        0 => Actor::System,
        1 => Actor::User(UserId(Uuid::from_bytes(reader.array("the actor")?))),
        2 => Actor::Agent(word(reader.text("the actor")?, "the actor")?),
        _ => return Err(DecodeError::Damaged("the flags")),
    };
    let token = match flags & TOKEN {
        0 => None,
        _ => Some(TokenId(Uuid::from_bytes(reader.array("the token")?))),
    };
    let origin = match flags & ORIGIN {
        0 => None,
        _ => Some(origin(&mut reader, recorded_at)?),
    };
    let (index, count) = match flags & SEVERAL {
        0 => (0, 1),
        _ => (short(&mut reader, "the index")?, short(&mut reader, "the count")?),
    };
    let correlation = match flags & CORRELATION {
        0 => CommandId::of(id).uuid(),
        _ => Uuid::from_bytes(reader.array("the correlation")?),
    };
    let particulars = match flags & PARTICULARS {
        0 => None,
        _ => Some(Sealed(reader.slice("the particulars")?.into())),
    };
    let (subjects, unknown_subjects) = take_subjects(&mut reader)?;
    let envelope = Envelope {
        event_type,
        version,
        position,
        id,
        recorded_at,
        actor,
        token,
        origin,
        index,
        count,
        correlation,
        particulars,
        subjects,
        unknown_subjects,
    };
    Ok((envelope, reader.rest()))
}

fn origin(reader: &mut Reader<'_>, recorded_at: Timestamp) -> Result<Origin, DecodeError> {
    let incarnation = Incarnation(Uuid::from_bytes(reader.array("the origin")?));
    let sequence = reader.varint("the origin")?;
    let before = reader.signed("the time of observation")?;
    let observed_at =
        recorded_at.micros().checked_sub(before).ok_or(DecodeError::Damaged("the time of observation"))?;
    Ok(Origin { incarnation, sequence, observed_at: timestamp(observed_at, "the time of observation")? })
}

fn short(reader: &mut Reader<'_>, what: &'static str) -> Result<u16, DecodeError> {
    reader.varint(what)?.try_into().map_err(|_| DecodeError::Damaged(what))
}

/// A moment that the log can hold.
pub(super) fn timestamp(micros: i64, what: &'static str) -> Result<Timestamp, DecodeError> {
    let at = Timestamp::from_micros(micros);
    if at.micros() == micros { Ok(at) } else { Err(DecodeError::Damaged(what)) }
}

/// A word that was well formed when it was written, and so is now.
pub(super) fn word<T: FromStr>(text: &str, what: &'static str) -> Result<T, DecodeError> {
    text.parse().map_err(|_| DecodeError::Damaged(what))
}

/// What a subject's tag says of the bytes behind it, whatever the subject: its last two bits.
mod shape {
    pub(super) const MASK: u8 = 0b11;
    pub(super) const NOTHING: u8 = 0;
    pub(super) const UUID: u8 = 1;
    pub(super) const TEXT: u8 = 2;
}

/// The tags of the subjects: stable, their last two bits a [`shape`].
mod tag {
    use super::shape::{NOTHING, TEXT, UUID};
    pub(super) const CLUSTER: u8 = 1 << 2 | NOTHING;
    pub(super) const POOL: u8 = 2 << 2 | TEXT;
    pub(super) const GROUP: u8 = 3 << 2 | TEXT;
    pub(super) const USER: u8 = 4 << 2 | UUID;
    pub(super) const NODE: u8 = 5 << 2 | TEXT;
    pub(super) const DEVICE: u8 = 6 << 2 | UUID;
    pub(super) const JOB: u8 = 7 << 2 | UUID;
    pub(super) const TOKEN: u8 = 8 << 2 | UUID;
    pub(super) const HEALTH_POLICY: u8 = 9 << 2 | NOTHING;
    pub(super) const LICENSE: u8 = 10 << 2 | NOTHING;
    pub(super) const BACKEND: u8 = 11 << 2 | NOTHING;
}

fn put_subjects(out: &mut Vec<u8>, subjects: &[Subject]) -> Result<(), EncodeError> {
    if subjects.len() > SUBJECTS_MAX {
        return Err(EncodeError::TooManySubjects(subjects.len()));
    }
    put_varint(out, subjects.len() as u64);
    for subject in subjects {
        match subject {
            Subject::Cluster => out.push(tag::CLUSTER),
            Subject::Pool(name) => put_text(out, tag::POOL, name.as_str()),
            Subject::Group(name) => put_text(out, tag::GROUP, name.as_str()),
            Subject::User(id) => put_uuid(out, tag::USER, id.0),
            Subject::Node(name) => put_text(out, tag::NODE, name.as_str()),
            Subject::Device(id) => put_uuid(out, tag::DEVICE, id.uuid()),
            Subject::Job(id) => put_uuid(out, tag::JOB, id.0),
            Subject::Token(id) => put_uuid(out, tag::TOKEN, id.0),
            Subject::HealthPolicy => out.push(tag::HEALTH_POLICY),
            Subject::License => out.push(tag::LICENSE),
            Subject::Backend => out.push(tag::BACKEND),
        }
    }
    Ok(())
}

fn put_uuid(out: &mut Vec<u8>, tag: u8, uuid: Uuid) {
    out.push(tag);
    out.extend_from_slice(uuid.as_bytes());
}

fn put_text(out: &mut Vec<u8>, tag: u8, text: &str) {
    out.push(tag);
    put_slice(out, text.as_bytes());
}

fn take_subjects(reader: &mut Reader<'_>) -> Result<(Vec<Subject>, usize), DecodeError> {
    let what = "the subjects";
    let count = usize::try_from(reader.varint(what)?).unwrap_or(usize::MAX);
    if count > SUBJECTS_MAX {
        return Err(DecodeError::Damaged(what));
    }
    let mut subjects = Vec::with_capacity(count);
    for _ in 0..count {
        let tag = reader.byte(what)?;
        subjects.extend(match tag & shape::MASK {
            shape::NOTHING => of_nothing(tag),
            shape::UUID => of_uuid(tag, Uuid::from_bytes(reader.array(what)?)),
            shape::TEXT => of_text(tag, reader.text(what)?)?,
            _ => return Err(DecodeError::Damaged(what)),
        });
    }
    let unknown = count - subjects.len();
    Ok((subjects, unknown))
}

const fn of_nothing(tag: u8) -> Option<Subject> {
    match tag {
        tag::CLUSTER => Some(Subject::Cluster),
        tag::HEALTH_POLICY => Some(Subject::HealthPolicy),
        tag::LICENSE => Some(Subject::License),
        tag::BACKEND => Some(Subject::Backend),
        _ => None,
    }
}

fn of_uuid(tag: u8, uuid: Uuid) -> Option<Subject> {
    match tag {
        tag::USER => Some(Subject::User(UserId(uuid))),
        tag::DEVICE => Some(Subject::Device(DeviceId::from_uuid(uuid))),
        tag::JOB => Some(Subject::Job(JobId(uuid))),
        tag::TOKEN => Some(Subject::Token(TokenId(uuid))),
        _ => None,
    }
}

fn of_text(tag: u8, text: &str) -> Result<Option<Subject>, DecodeError> {
    let what = "the subjects";
    Ok(match tag {
        tag::POOL => Some(Subject::Pool(word(text, what)?)),
        tag::GROUP => Some(Subject::Group(word(text, what)?)),
        tag::NODE => Some(Subject::Node(word::<NodeName>(text, what)?)),
        _ => None,
    })
}

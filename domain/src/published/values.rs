//! How the values in events are written: what serde makes of each type. The tests of the document that is made of this
//! (`bus/src/asyncapi`) hold it against what serde really writes, and against what is read as such a word.
use super::{Choice, Shape, Shaped, Text};
use crate::{
    ClusterId, GroupName, JobId, JobName, LicenseId, Licensee, Model, NodeName, PoolName, ProviderUrl, ProviderWord,
    Role, Subject, Timestamp, TokenId, TokenName, UserId,
    backend::BackendKind,
    device::{ConditionKind, DeviceId, Remedy, Severity, Slot},
    job::Breach,
    token::Scope,
};
use std::sync::Arc;

macro_rules! label {
    () => {
        "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    };
}

macro_rules! uuid {
    () => {
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    };
}

/// One line without a space at either end. Of Unicode's spaces and control characters the rule says more.
const LINE: &str = r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$";

macro_rules! texts {
    ($($name:ident, $about:expr, $pattern:expr, $max:literal, $format:expr;)+) => {$(
        impl Shaped for $name {
            const SHAPE: Shape = Shape::Text(Text {
                name: stringify!($name),
                about: $about,
                pattern: $pattern,
                max: $max,
                format: $format,
            });
        }
    )+};
}

#[rustfmt::skip]
texts! {
    PoolName, PoolName::RULE, concat!("^", label!(), "$"), 63, None;
    GroupName, GroupName::RULE, concat!("^", label!(), "$"), 63, None;
    NodeName, NodeName::RULE, concat!("^", label!(), r"(\.", label!(), ")*$"), 253, None;
    JobName, JobName::RULE, LINE, 128, None;
    TokenName, TokenName::RULE, LINE, 64, None;
    Licensee, Licensee::RULE, LINE, 128, None;
    Model, Model::RULE, LINE, 96, None;
    ProviderUrl, ProviderUrl::RULE, r"^[!-~]*://[!-~]*$", 512, None;
    ProviderWord, ProviderWord::RULE, r"^[!-~]+$", 256, None;
    ConditionKind, ConditionKind::RULE, r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", 64, None;
    DeviceId, DeviceId::RULE, concat!("^GPU-", uuid!(), "$"), 40, None;
    Slot, Slot::RULE, r"^[0-9A-F]{8}:[0-9A-F]{2}:[01][0-9A-F]\.[0-7]$", 16, None;
    Timestamp, "is RFC 3339, UTC, with microseconds", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$", 27, Some("date-time");
    ClusterId, "is the id of a cluster, for ever", concat!("^", uuid!(), "$"), 36, Some("uuid");
    UserId, "is the id of a user: who is on-boarded again is another", concat!("^", uuid!(), "$"), 36, Some("uuid");
    JobId, "is the id of a job", concat!("^", uuid!(), "$"), 36, Some("uuid");
    LicenseId, "is the id of a license", concat!("^", uuid!(), "$"), 36, Some("uuid");
    Subject, "is a kind of thing, and its name", r"^(cluster|license|policy/health|auth/backend|(pool|group|user|node|device|job|token)/\S+)$", 270, None;
    TokenId, "is the id of a token", concat!("^", uuid!(), "$"), 36, Some("uuid");
}

macro_rules! choices {
    ($($name:ident, $about:literal, [$($word:literal),+];)+) => {$(
        impl Shaped for $name {
            const SHAPE: Shape =
                Shape::Choice(Choice { name: stringify!($name), about: $about, words: &[$($word),+] });
        }
    )+};
}

// In the order of their numbers in `stored/codes.rs`, whose tests hold these words against what serde writes.
#[rustfmt::skip]
choices! {
    Role, "is what a user may do", ["data-scientist", "auditor", "operator"];
    BackendKind, "is a sort of sign-in backend", ["local", "github", "oidc"];
    Scope, "is what a token may be used for", ["read", "full", "metrics"];
    Severity, "is how bad a condition is: critical and fatal ones quarantine", ["info", "warning", "critical", "fatal"];
    Remedy, "is what an operator should do", ["none", "restart_app", "check_app", "reset_gpu", "drain_and_reset", "reboot_node", "service_required", "operator"];
    Breach, "is a rule that an observed job breaks", ["unknown_user", "no_pool", "foreign_pool", "unhealthy_device", "shared_device"];
}

impl Shaped for Arc<str> {
    const SHAPE: Shape = Shape::Free;
}

impl Shaped for bool {
    const SHAPE: Shape = Shape::Flag;
}

impl Shaped for u16 {
    const SHAPE: Shape = Shape::Count(Self::MAX as u64);
}

impl Shaped for u32 {
    const SHAPE: Shape = Shape::Count(Self::MAX as u64);
}

impl Shaped for u64 {
    const SHAPE: Shape = Shape::Count(Self::MAX);
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: Shape = Shape::Optional(&T::SHAPE);
}

impl<T: Shaped> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);
}

//! The numbers that stand for the values of enums. Stable: a number is never given another meaning.
use super::DecodeError;
use crate::{
    Role,
    device::{Presence, Remedy, Severity},
    job::Breach,
    node::Contact,
    token::Scope,
};

/// An enum whose values have numbers.
pub(super) trait Coded: Sized {
    fn code(&self) -> u8;

    /// The value with that number.
    fn from_code(code: u8) -> Result<Self, DecodeError>;
}

macro_rules! codes {
    ($($name:ident, $what:literal { $($value:ident = $code:literal),+ $(,)? })+) => {$(
        impl Coded for $name {
            fn code(&self) -> u8 {
                match self {
                    $(Self::$value => $code,)+
                }
            }

            fn from_code(code: u8) -> Result<Self, DecodeError> {
                match code {
                    $($code => Ok(Self::$value),)+
                    _ => Err(DecodeError::Damaged($what)),
                }
            }
        }
    )+};
}

codes! {
    Role, "a role" { DataScientist = 1, Auditor = 2, Operator = 3 }
    Scope, "a scope" { Read = 1, Full = 2, Metrics = 3 }
    Severity, "a severity" { Info = 1, Warning = 2, Critical = 3, Fatal = 4 }
    Remedy, "a remedy" {
        None = 0,
        RestartApp = 1,
        CheckApp = 2,
        ResetGpu = 3,
        DrainAndReset = 4,
        RebootNode = 5,
        ServiceRequired = 6,
        Operator = 7,
    }
    Breach, "a breach" { UnknownUser = 1, NoPool = 2, ForeignPool = 3, UnhealthyDevice = 4, SharedDevice = 5 }
    Presence, "a presence" { Present = 1, Missing = 2, Retired = 3 }
    Contact, "a contact" { Reporting = 1, Lost = 2 }
}

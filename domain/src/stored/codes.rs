//! The numbers that stand for the values of enums. Stable: a number is never given another meaning.
use super::DecodeError;
use crate::{
    Role,
    backend::BackendKind,
    device::{Remedy, Severity},
    job::Breach,
    node::Contact,
    token::Scope,
};

/// An enum whose values have numbers.
pub(super) trait Coded: Sized + 'static {
    #[cfg(test)]
    const ALL: &'static [Self];

    fn code(&self) -> u8;

    /// The value with that number.
    fn from_code(code: u8) -> Result<Self, DecodeError>;
}

macro_rules! codes {
    ($($name:ident, $what:literal { $($value:ident = $code:literal),+ $(,)? })+) => {$(
        impl Coded for $name {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$value),+];

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
    BackendKind, "a sort of sign-in backend" { Local = 1, GitHub = 2, Oidc = 3 }
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
    Contact, "a contact" { Reporting = 1, Lost = 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published::{Shape, Shaped};

    /// The codes of these values, each of which must come back.
    fn codes<T: Coded + PartialEq + std::fmt::Debug>(values: impl IntoIterator<Item = T>) -> Vec<u8> {
        let code = |value: T| {
            let code = value.code();
            assert_eq!(T::from_code(code), Ok(value));
            code
        };
        values.into_iter().map(code).collect()
    }

    #[test]
    fn every_number_stays_as_it_is() {
        use {Breach as B, Remedy as R, Severity as S};
        assert_eq!(codes(Role::ALL), [1, 2, 3]);
        assert_eq!(codes([Scope::Read, Scope::Full, Scope::Metrics]), [1, 2, 3]);
        assert_eq!(codes([S::Info, S::Warning, S::Critical, S::Fatal]), [1, 2, 3, 4]);
        let remedies = [
            R::None,
            R::RestartApp,
            R::CheckApp,
            R::ResetGpu,
            R::DrainAndReset,
            R::RebootNode,
            R::ServiceRequired,
            R::Operator,
        ];
        assert_eq!(codes(remedies), [0, 1, 2, 3, 4, 5, 6, 7]);
        let breaches = [B::UnknownUser, B::NoPool, B::ForeignPool, B::UnhealthyDevice, B::SharedDevice];
        assert_eq!(codes(breaches), [1, 2, 3, 4, 5]);
        assert_eq!(codes([Contact::Reporting, Contact::Lost]), [1, 2]);
    }

    /// Every value is among the words that are published of its type, and there is no other word.
    fn published<T: Coded + Shaped + serde::Serialize>() {
        let Shape::Choice(choice) = T::SHAPE else { panic!("it is no choice") };
        let written: Vec<_> = T::ALL.iter().map(|value| serde_json::to_value(value).unwrap()).collect();
        assert_eq!(written, choice.words, "{}", choice.name);
    }

    #[test]
    fn every_published_word_is_what_serde_writes() {
        published::<Role>();
        published::<Scope>();
        published::<Severity>();
        published::<Remedy>();
        published::<Breach>();
    }

    #[test]
    fn another_number_is_damage() {
        assert_eq!(Role::from_code(0), Err(DecodeError::Damaged("a role")));
        assert_eq!(Remedy::from_code(8), Err(DecodeError::Damaged("a remedy")));
    }
}

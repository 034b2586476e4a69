//! The words of the views, spelled as clients see them. Each has the domain's word behind it; a new one there does not
//! compile here until it is given a spelling.
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The text is none of the words that may stand here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is one of {words}")]
pub struct UnknownWord {
    /// What was expected, as in "a health".
    pub what: &'static str,
    /// All words, with commas between.
    pub words: String,
}

macro_rules! words {
    ($($(#[doc = $about:literal])+ $name:ident, $what:literal {
        $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)?
    })+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $text)] $word,)+
        }

        impl $name {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        // Derived, it would name the variants: it does not see a spelling that comes out of a macro.
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let schema = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!($($about),+).trim_ascii()))
                    .enum_values(Some([$($text),+]));
                schema.into()
            }
        }

        impl ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let words = || [$($text),+].join(", ");
                let found = Self::ALL.iter().find(|word| word.as_str() == text).copied();
                found.ok_or_else(|| UnknownWord { what: $what, words: words() })
            }
        }
    )+};
}

/// A word for each of the domain's.
macro_rules! from {
    ($($source:ty => $name:ident { $($word:ident),+ })+) => {$(
        impl From<$source> for $name {
            fn from(word: $source) -> Self {
                match word {
                    $(<$source>::$word => Self::$word,)+
                }
            }
        }
    )+};
}

words! {
    /// How a device is. *Unknown* is said of the observer, not of the device.
    Health, "a health" {
        /// No condition keeps work from it or degrades it.
        Healthy = "healthy",
        /// Degraded: it keeps working and is still chosen.
        Warning = "warning",
        /// It takes no new work.
        Critical = "critical",
        /// It or its node is unusable.
        Fatal = "fatal",
        /// Nobody can tell: its agent can't read it, its node is lost, or it is not reported.
        Unknown = "unknown",
    }

    /// Whether a device can be given to a job, and if not, why not.
    Availability, "an availability" {
        /// It can be given.
        Free = "free",
        /// A job is on it.
        Busy = "busy",
        /// Its node does not report it.
        Missing = "missing",
        /// Its health can't be known.
        Unknown = "unknown",
        /// It has a critical or fatal condition.
        Quarantined = "quarantined",
        /// An operator wishes that it takes no job: itself or its node is cordoned.
        Cordoned = "cordoned",
        /// It is out of service.
        Retired = "retired",
    }

    /// Whether a device is there.
    Presence, "a presence" {
        /// Its node reports it.
        Present = "present",
        /// Its node no longer reports it.
        Missing = "missing",
        /// It is out of service.
        Retired = "retired",
    }

    /// Whether a node speaks.
    Contact, "a contact" {
        /// Its agent reports.
        Reporting = "reporting",
        /// It was silent for longer than its lease.
        Lost = "lost",
    }

    /// How bad a condition is.
    Severity, "a severity" {
        /// Recorded, no more.
        Info = "info",
        /// Degraded: keeps working.
        Warning = "warning",
        /// No new work.
        Critical = "critical",
        /// Unusable now.
        Fatal = "fatal",
    }

    /// What an operator should do about a condition, from the mildest to the hardest.
    Remedy, "a remedy" {
        /// Nothing.
        None = "none",
        /// Restart the application that met the fault.
        RestartApp = "restart_app",
        /// Look for the fault in the application.
        CheckApp = "check_app",
        /// Reset the GPU.
        ResetGpu = "reset_gpu",
        /// Let its work end, then reset it.
        DrainAndReset = "drain_and_reset",
        /// Restart the node.
        RebootNode = "reboot_node",
        /// Have the hardware serviced.
        ServiceRequired = "service_required",
        /// Look into it: no rule says more.
        Operator = "operator",
    }

    /// What a user may do.
    Role, "a role" {
        /// Own profile, own tokens, own jobs, own group and its pool.
        DataScientist = "data-scientist",
        /// Reads everything; changes nothing.
        Auditor = "auditor",
        /// Everything.
        Operator = "operator",
    }

    /// A sort of sign-in backend.
    BackendKind, "a sign-in backend" {
        /// Logins and passwords are kept here.
        Local = "local",
        /// A GitHub organization.
        GitHub = "github",
        /// An OpenID provider.
        Oidc = "oidc",
    }

    /// Where a license is in its time, or that it grants too little, where one is required.
    LicenseState, "a license's state" {
        /// There is none.
        None = "none",
        /// It holds.
        Valid = "valid",
        /// It holds, and ends within 30 days.
        Ending = "ending",
        /// It holds, and one is required, and there are more users or devices than it grants: nothing new is made.
        Exceeded = "exceeded",
        /// It ended, and nothing is refused yet.
        Grace = "grace",
        /// It is over, and its grace too.
        Over = "over",
    }

    /// What a token may be used for.
    Scope, "a scope" {
        /// Queries alone.
        Read = "read",
        /// All that its owner may do, but make tokens, passwords and operators.
        Full = "full",
        /// `/metrics` alone.
        Metrics = "metrics",
    }

    /// A rule that an observed job breaks.
    Breach, "a breach" {
        /// Nobody knows whose it is.
        UnknownUser = "unknown_user",
        /// Its user is in no group, or the group has no pool.
        NoPool = "no_pool",
        /// A device of it is in another pool than its user's.
        ForeignPool = "foreign_pool",
        /// A device of it is not fit for work, or not known.
        UnhealthyDevice = "unhealthy_device",
        /// A device of it is claimed by another job.
        SharedDevice = "shared_device",
    }
}

from! {
    domain::Availability => Availability { Free, Busy, Missing, Unknown, Quarantined, Cordoned }
    domain::device::Presence => Presence { Present, Missing, Retired }
    domain::node::Contact => Contact { Reporting, Lost }
    domain::device::Severity => Severity { Info, Warning, Critical, Fatal }
    domain::device::Remedy => Remedy {
        None, RestartApp, CheckApp, ResetGpu, DrainAndReset, RebootNode, ServiceRequired, Operator
    }
    domain::Role => Role { DataScientist, Auditor, Operator }
    domain::backend::BackendKind => BackendKind { Local, GitHub, Oidc }
    domain::license::Phase => LicenseState { Valid, Ending, Grace, Over }
    domain::token::Scope => Scope { Read, Full, Metrics }
    domain::job::Breach => Breach { UnknownUser, NoPool, ForeignPool, UnhealthyDevice, SharedDevice }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the domain spells a word too, both spell it alike.
    #[test]
    fn spelled_as_in_the_domain() {
        use domain::device::Remedy as R;
        fn text(word: &impl Serialize) -> String {
            serde_json::to_string(word).unwrap()
        }
        for role in domain::Role::ALL {
            assert_eq!(text(&role), text(&Role::from(role)));
            assert_eq!(role.as_str(), Role::from(role).as_str());
        }
        for scope in [domain::token::Scope::Read, domain::token::Scope::Full, domain::token::Scope::Metrics] {
            assert_eq!(text(&scope), text(&Scope::from(scope)));
        }
        for kind in domain::backend::BackendKind::ALL {
            assert_eq!(text(&kind), text(&BackendKind::from(kind)));
        }
        let remedies = [R::None, R::RestartApp, R::CheckApp, R::ResetGpu, R::DrainAndReset, R::RebootNode];
        for remedy in remedies.into_iter().chain([R::ServiceRequired, R::Operator]) {
            assert_eq!(text(&remedy), text(&Remedy::from(remedy)));
        }
    }

    /// What the document says may stand there is what is written.
    #[test]
    fn documented_as_they_are_written() {
        fn holds<T: PartialSchema + Serialize>(all: &[T]) {
            let documented = serde_json::to_value(T::schema()).unwrap();
            assert_eq!(documented["enum"], serde_json::to_value(all).unwrap());
        }
        holds(Health::ALL);
        holds(Availability::ALL);
        holds(Presence::ALL);
        holds(Contact::ALL);
        holds(Severity::ALL);
        holds(Remedy::ALL);
        holds(Role::ALL);
        holds(BackendKind::ALL);
        holds(Scope::ALL);
        holds(LicenseState::ALL);
        holds(Breach::ALL);
    }

    #[test]
    fn words_are_read_as_they_are_shown() {
        for health in Health::ALL {
            assert_eq!(health.to_string().parse(), Ok(*health));
        }
        let error = "sick".parse::<Health>().unwrap_err();
        assert_eq!(error.to_string(), "a health is one of healthy, warning, critical, fatal, unknown");
    }
}

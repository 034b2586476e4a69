//! How many attempts are recorded, so that nobody fills the log by trying: sign-ins and what is refused.
use domain::{
    Actor, Principal, Timestamp, UserId,
    access::{Event, network},
};
use std::{collections::HashMap, net::IpAddr};

/// How long a window lasts, in seconds.
const WINDOW: i64 = 600;
/// The most that is recorded of one source within a window: so many sign-ins, and so many refusals.
const OF_ONE: u32 = 20;
/// The most sign-ins of the operator who remains under every sign-in backend, within a window: hardly one is left out.
const OF_WHO_REMAINS: u32 = 200;
/// The most refusals that are recorded of all sources within a window: so many of users, and so many of strangers, who can hide
/// nothing that users are refused.
const OF_ALL: u32 = 200;

/// Whether somebody came in, or was turned away: who is turned away often must not hide that they came in at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    SignIn,
    Refusal,
}

/// Who tries: a user who is known, else an address (of IPv6, its /64), else anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    User(UserId),
    Network(IpAddr),
    Anybody,
}

/// What was recorded and left out within the window. It is kept in memory: what was left out before a crash is told nowhere.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    began: Timestamp,
    /// As many as there are users who signed in, and refusals.
    recorded: HashMap<(Sort, Source), u32>,
    /// Refusals: of strangers, of users.
    refusals: [u32; 2],
    omitted_sign_ins: u32,
    omitted_refusals: u32,
    users: Vec<UserId>,
}

impl Attempts {
    /// Whether this attempt is recorded. If not, it is counted.
    pub(super) fn admit(&mut self, event: &Event, asker: &Principal) -> bool {
        let sort = match event {
            Event::SignedIn { .. } => Sort::SignIn,
            Event::SignInFailed { .. } | Event::Denied { .. } | Event::Rejected { .. } => Sort::Refusal,
            // Told once for each sign-in and hour, and once for each window.
            Event::AuditRead { .. } | Event::Omitted { .. } => return true,
        };
        let source = Source::of(asker);
        let of_one = self.recorded.get(&(sort, source)).copied().unwrap_or_default();
        let all = &mut self.refusals[usize::from(matches!(source, Source::User(_)))];
        let room = match sort {
            // Each has shown a password that is right, so that strangers can't make many.
            Sort::SignIn => true,
            Sort::Refusal => *all < OF_ALL,
        };
        let most = if matches!(event, Event::SignedIn { break_glass: true, .. }) { OF_WHO_REMAINS } else { OF_ONE };
        if room && of_one < most {
            *all += u32::from(sort == Sort::Refusal);
            self.recorded.insert((sort, source), of_one + 1);
            return true;
        }
        let omitted = match sort {
            Sort::SignIn => &mut self.omitted_sign_ins,
            Sort::Refusal => &mut self.omitted_refusals,
        };
        *omitted = omitted.saturating_add(1);
        if let Source::User(user) = source
            && self.users.len() < Event::USERS_MAX
            && !self.users.contains(&user)
        {
            self.users.push(user);
        }
        false
    }

    /// Begins a new window where one is over, and says what was left out in the old one, if anything was.
    pub(super) fn renew(&mut self, now: Timestamp) -> Option<Event> {
        let until = self.began.plus_seconds(WINDOW);
        // A clock that went back would else hold a window open.
        if (self.began..until).contains(&now) { None } else { self.end(now, until) }
    }

    /// Ends the window, and says what was left out, if anything was.
    pub(super) fn end(&mut self, now: Timestamp, until: Timestamp) -> Option<Event> {
        let over = std::mem::replace(self, Self { began: now, ..Self::default() });
        let Self { began: since, omitted_sign_ins: sign_ins, omitted_refusals: refusals, users, .. } = over;
        (sign_ins > 0 || refusals > 0).then_some(Event::Omitted { sign_ins, refusals, since, until, users })
    }
}

impl Source {
    fn of(asker: &Principal) -> Self {
        match (&asker.actor, asker.address) {
            (Actor::User(user), _) => Self::User(*user),
            (_, Some(address)) => Self::Network(network(address)),
            (_, None) => Self::Anybody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Via;
    use uuid::Uuid;

    const fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn asks(n: u128) -> Principal {
        Principal { actor: Actor::User(user(n)), via: Via::Internal, address: None }
    }

    fn from(address: &str) -> Principal {
        Principal { address: address.parse().ok(), ..Principal::SYSTEM }
    }

    fn denied(n: u128) -> Event {
        Event::Denied { user: user(n), operation: "GET /v1/audit".into(), code: "auth.forbidden".into() }
    }

    fn failed() -> Event {
        Event::SignInFailed { user: None, code: "auth.failed".into() }
    }

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn so_many_are_recorded_of_one_and_the_rest_is_counted() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.renew(at(10_000)), None);
        for _ in 0..OF_ONE {
            assert!(attempts.admit(&denied(1), &asks(1)));
        }
        for _ in 0..7 {
            assert!(!attempts.admit(&denied(1), &asks(1)));
        }
        assert!(attempts.admit(&denied(2), &asks(2)), "somebody else's are recorded");
        assert!(attempts.admit(&Event::SignedIn { user: user(1), break_glass: false }, &asks(1)));
        assert_eq!(attempts.renew(at(10_599)), None);
        let users = vec![user(1)];
        let told = Event::Omitted { sign_ins: 0, refusals: 7, since: at(10_000), until: at(10_600), users };
        assert_eq!(attempts.renew(at(10_600)), Some(told));
        assert!(attempts.admit(&denied(1), &asks(1)));
        assert_eq!(attempts.renew(at(20_000)), None, "nothing was left out");
    }

    #[test]
    fn whoever_remains_hides_no_sign_in_behind_a_few() {
        let mut attempts = Attempts::default();
        attempts.renew(at(10_000));
        let signed_in = Event::SignedIn { user: user(1), break_glass: true };
        let recorded = (0..2 * OF_WHO_REMAINS).filter(|_| attempts.admit(&signed_in, &asks(1))).count();
        assert_eq!(recorded, usize::try_from(OF_WHO_REMAINS).unwrap());
    }

    #[test]
    fn an_address_counts_as_its_network_and_all_together_are_bounded() {
        let mut attempts = Attempts::default();
        attempts.renew(at(10_000));
        for n in 0..OF_ONE {
            assert!(attempts.admit(&failed(), &from(&format!("2001:db8::{n:x}"))));
        }
        assert!(!attempts.admit(&failed(), &from("2001:db8::ffff")));
        assert!(attempts.admit(&failed(), &from("2001:db8:0:1::1")));
        let more =
            (0..1000_u32).filter(|n| attempts.admit(&failed(), &from(&format!("198.51.{}.{}", n / 250, n % 250))));
        assert_eq!(more.count(), usize::try_from(OF_ALL - OF_ONE - 1).unwrap());
        assert!(attempts.recorded.len() <= usize::try_from(OF_ALL).unwrap());
        assert!(attempts.admit(&denied(1), &asks(1)), "what users are refused is not hidden by strangers");
        let Some(Event::Omitted { sign_ins: 0, refusals, users, .. }) = attempts.renew(at(20_000)) else { panic!() };
        assert_eq!((refusals, users), (1 + 1000 - (OF_ALL - OF_ONE - 1), vec![]));
    }

    #[test]
    fn everybody_comes_in_and_one_alone_is_bounded() {
        let mut attempts = Attempts::default();
        attempts.renew(at(10_000));
        let signs_in = |n| (Event::SignedIn { user: user(n), break_glass: false }, asks(n));
        for n in 0..1000 {
            let (event, asker) = signs_in(n);
            assert!(attempts.admit(&event, &asker));
        }
        let (event, asker) = signs_in(1);
        assert_eq!((0..50).filter(|_| attempts.admit(&event, &asker)).count(), 19);
        assert!(attempts.admit(&Event::AuditRead { user: user(1) }, &asker));
        let Some(Event::Omitted { sign_ins: 31, refusals: 0, .. }) = attempts.end(at(10_001), at(10_001)) else {
            panic!()
        };
    }

    #[test]
    fn a_clock_that_goes_back_holds_no_window_open() {
        let mut attempts = Attempts::default();
        attempts.renew(at(1_000_000));
        for _ in 0..=OF_ONE {
            attempts.admit(&denied(1), &asks(1));
        }
        assert!(attempts.renew(at(10_000)).is_some());
        assert!(attempts.admit(&denied(1), &asks(1)));
    }
}

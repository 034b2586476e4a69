use super::{Command, Event, GRACE_DAYS_MAX, License, Phase};
use crate::{Cluster, Context, Event as Fact, Rejection, decide::Facts, group, job, license::Unlicensed, pool, user};

/// So far, in seconds, a vendor's clock may be ahead of the server's.
const CLOCKS_DIFFER: i64 = 86_400;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Install { license } => install(cluster, license, context),
    }
}

fn install(cluster: &Cluster, license: &License, context: &Context<'_>) -> Facts {
    let License { starts_at, ends_at, grace_days, .. } = license;
    if starts_at >= ends_at {
        return Err(Rejection::Malformed("a license begins before it ends"));
    }
    if *grace_days > GRACE_DAYS_MAX {
        return Err(Rejection::Malformed("a license has at most 3660 days of grace"));
    }
    // Also of the one that is installed: who pastes it again wants one that holds.
    if matches!(license.phase(context.now), Phase::Grace | Phase::Over) {
        return Err(Rejection::LicenseEnded { ends_at: *ends_at });
    }
    // It could never be followed by one that a right clock signs.
    if license.issued_at > context.now.plus_seconds(CLOCKS_DIFFER) {
        return Err(Rejection::LicenseFromFuture { issued_at: license.issued_at });
    }
    if let Some(installed) = &cluster.license {
        if installed.license == *license {
            return Ok(vec![]);
        }
        // Of two that were signed at once, the number tells that they are two.
        if license.issued_at < installed.license.issued_at {
            return Err(Rejection::LicenseOlder { than: installed.license.issued_at });
        }
    }
    if context.now < *starts_at {
        return Err(Rejection::LicenseNotBegun { starts_at: *starts_at });
    }
    Ok(vec![Fact::License(Event::Installed { license: license.clone() })])
}

/// Whether the license admits the command, where one is required: it bounds growth, and nothing else. What makes the
/// cluster safer, and what is seen anyway, goes on without one.
///
/// # Errors
/// It does not.
pub(crate) fn admits(cluster: &Cluster, command: &crate::Command, context: &Context<'_>) -> Result<(), Rejection> {
    use crate::Command as C;
    let newcomers = match command {
        C::User(user::Command::Onboard { newcomers, .. }) => newcomers.len(),
        C::Pool(pool::Command::Create { .. })
        | C::Group(group::Command::Create { .. })
        | C::Job(job::Command::Start { .. }) => 0,
        _ => return Ok(()),
    };
    if !context.limits.license_required {
        return Ok(());
    }
    let unlicensed = match &cluster.license {
        None => Some(Unlicensed::Missing),
        Some(installed) => {
            let users = u32::try_from(cluster.users.len() + newcomers).unwrap_or(u32::MAX);
            installed.license.limits(users, cluster.tally().total(), context.now)
        }
    };
    unlicensed.map_or(Ok(()), |why| Err(Rejection::Unlicensed(why)))
}

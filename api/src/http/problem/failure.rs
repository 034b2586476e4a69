//! What the engine answers, as a problem document.
use super::Problem;
use bus::engine::Failure;
use domain::{Denied, Kind, Refusal, Subject};

/// How long to wait before a command is tried again, in seconds.
const RETRY_AFTER: u64 = 1;

/// How things are called when they are shown.
pub(crate) trait Named {
    /// The subject's name: a user's login where the log has the id.
    fn subject(&self, subject: &Subject) -> String;

    /// The login that stands at this place in the command.
    fn login_named(&self, nth: u32) -> Option<String>;
}

/// The answer to somebody who may not.
pub(crate) fn denied(denied: Denied) -> Problem {
    Problem::new(denied.code(), denied.to_string())
}

/// The answer to a command that was not accepted.
pub(crate) fn failed(failure: Failure, names: &dyn Named) -> Problem {
    match failure {
        Failure::Denied(reason) => denied(reason),
        Failure::Refused(refusal) => refused(refusal, names),
        Failure::OutOfTurn { .. } => Problem::new("report.gap", failure.to_string()),
        Failure::ConditionFailed { subject, actual } => {
            let nobody =
                || names.login_named(0).map_or_else(|| "such user".to_owned(), |login| format!("user/{login}"));
            let name = subject.map_or_else(nobody, |subject| names.subject(&subject));
            let detail = match actual {
                Some(position) => format!("{name} is at revision {position}"),
                None => format!("there is no {name}"),
            };
            Problem::new("condition.failed", detail).refs(vec![name]).revision(actual.map(|position| position.0))
        }
        Failure::KeyReused => Problem::new("idempotency.key_reused", failure.to_string()),
        Failure::OutcomesFull { own: true, seconds } => {
            let detail = "the outcomes of so many of your commands are kept already: \
                          send this one without Idempotency-Key, or wait";
            Problem::new("idempotency.too_many", detail).retry_after(seconds)
        }
        Failure::OutcomesFull { own: false, seconds } => {
            let detail = "the outcomes of too many commands are kept: send this one without Idempotency-Key, or wait";
            Problem::new("server.overloaded", detail).retry_after(seconds)
        }
        Failure::Overloaded => Problem::new("server.overloaded", failure.to_string()).retry_after(RETRY_AFTER),
        Failure::ReadOnly(cause) => {
            tracing::warn!(%cause, "a command met a read-only log");
            Problem::new("server.read_only", "the log takes nothing at present").retry_after(30)
        }
        Failure::OutcomeUnknown => Problem::new("outcome.unknown", failure.to_string()).retry_after(RETRY_AFTER),
        Failure::Stopping => Problem::new("server.stopping", failure.to_string()).retry_after(5),
    }
}

fn refused(refusal: Refusal, names: &dyn Named) -> Problem {
    let Refusal { kind, code, detail, refs, unknown_login, shortage } = refusal;
    let status = match kind {
        Kind::Malformed => 400,
        Kind::NotFound => 404,
        Kind::Conflict => 409,
        Kind::TooLarge => 413,
    };
    let unknown = unknown_login.and_then(|nth| names.login_named(nth));
    // The asker alone is told the login that they sent: what is kept of the refusal has its place only.
    let detail = unknown.as_ref().map_or(detail, |login| format!("{login} is not on-boarded"));
    let unknown = unknown.map(|login| format!("user/{login}"));
    let refs = refs.iter().map(|subject| names.subject(subject)).chain(unknown).collect();
    Problem::kept(&code, Some(status), detail).refs(refs).shortage(shortage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::find;
    use domain::{GroupName, JobId, PoolName, Position, Rejection, Shortage, Tally, TokenId, UserId, device::DeviceId};
    use uuid::Uuid;

    struct Plain;

    impl Named for Plain {
        fn subject(&self, subject: &Subject) -> String {
            subject.to_string()
        }

        fn login_named(&self, nth: u32) -> Option<String> {
            (nth == 1).then(|| "bob".to_owned())
        }
    }

    fn every_rejection() -> Vec<Rejection> {
        let (user, job, token) = (UserId(Uuid::nil()), JobId(Uuid::nil()), TokenId(Uuid::nil()));
        let device = DeviceId::from_uuid(Uuid::nil());
        let (pool, group) = (PoolName::default_pool(), GroupName::default_group());
        let node: domain::NodeName = "n1".parse().unwrap();
        let shortage = Shortage { asked: 3, had: Tally { free: 1, busy: 2, ..Tally::default() } };
        let subjects = [
            Subject::Cluster,
            Subject::Pool(pool.clone()),
            Subject::Group(group.clone()),
            Subject::User(user),
            Subject::Node(node.clone()),
            Subject::Device(device),
            Subject::Job(job),
            Subject::Token(token),
        ];
        let mut all: Vec<Rejection> = subjects.into_iter().map(Rejection::NotFound).collect();
        all.extend([
            Rejection::NamedTwice(Subject::Cluster),
            Rejection::Malformed("why"),
            Rejection::TooManyEvents { would: 2, limit: 1 },
            Rejection::AlreadyFounded,
            Rejection::NameTaken(Subject::Cluster),
            Rejection::UnknownLogin(1),
            Rejection::PoolIsDefault,
            Rejection::PoolBusy { jobs: vec![job] },
            Rejection::MixedModels { devices: vec![device] },
            Rejection::DeviceNotFree { devices: vec![device] },
            Rejection::DeviceNotInPool { pool: pool.clone(), devices: vec![device] },
            Rejection::DeviceRetired { devices: vec![device] },
            Rejection::DeviceBusy { device, jobs: vec![job] },
            Rejection::UnknownModel { model: "NVIDIA B200".parse().unwrap(), known: vec![] },
            Rejection::PoolShortage(shortage),
            Rejection::GroupNotEmpty { group: group.clone(), users: vec![user], pool: Some(pool.clone()) },
            Rejection::GroupIsDefault,
            Rejection::PoolBound { pool, group: group.clone() },
            Rejection::UserInAnotherGroup { users: vec![user] },
            Rejection::UserNotInGroup { group: group.clone(), users: vec![user] },
            Rejection::UserExists { users: vec![user] },
            Rejection::UserBusy { users: vec![user], jobs: vec![job] },
            Rejection::LastOperator { user },
            Rejection::BreakGlass { user },
            Rejection::LoginReadable { user },
            Rejection::NotDeleted { user },
            Rejection::NoGroup { user },
            Rejection::NoPool { group },
            Rejection::RoleWithoutJobs { user, role: domain::Role::Auditor },
            Rejection::UserSuspended { user },
            Rejection::JobShortage(shortage),
            Rejection::JobObserved(job),
            Rejection::ForceNeeded(job),
            Rejection::ReasonNeeded,
            Rejection::NodeRetired(node.clone()),
            Rejection::NodeBusy { node: node.clone(), jobs: vec![job] },
            Rejection::DeviceElsewhere { device, node: node.clone() },
            Rejection::DeviceNotOnNode { device, node },
            Rejection::TooManyDevices { devices: 2, limit: 1 },
            Rejection::TooManyTokens(50),
            Rejection::TokenNameTaken(token),
        ]);
        all
    }

    #[test]
    fn every_rule_has_its_code_in_the_table_under_the_status_of_its_kind() {
        for rejection in every_rejection() {
            let entry = find(rejection.code()).unwrap_or_else(|| panic!("{} is not in the table", rejection.code()));
            let status = match rejection.kind() {
                Kind::Malformed => 400,
                Kind::NotFound => 404,
                Kind::Conflict => 409,
                Kind::TooLarge => 413,
            };
            assert_eq!(entry.status, status, "{}", entry.code);
            let problem = failed(Failure::Refused(Refusal::from(&rejection)), &Plain);
            assert_eq!(problem.status().as_u16(), status);
        }
    }

    #[test]
    fn every_failure_of_the_engine_has_its_status() {
        let denials = [
            (Denied::Unknown, 401),
            (Denied::Suspended, 403),
            (Denied::Role, 403),
            (Denied::TokenRole(domain::Role::Auditor), 403),
            (Denied::Scope, 403),
            (Denied::SessionNeeded, 403),
        ];
        let failures = denials.map(|(denied, status)| (Failure::Denied(denied), status)).into_iter().chain([
            (Failure::ConditionFailed { subject: Some(Subject::Cluster), actual: Some(Position(4)) }, 412),
            (Failure::ConditionFailed { subject: None, actual: None }, 412),
            (Failure::KeyReused, 422),
            (Failure::OutcomesFull { own: true, seconds: 3600 }, 429),
            (Failure::OutcomesFull { own: false, seconds: 3600 }, 503),
            (Failure::Overloaded, 503),
            (Failure::ReadOnly("the disk is full".to_owned()), 503),
            (Failure::OutcomeUnknown, 503),
            (Failure::Stopping, 503),
        ]);
        for (failure, status) in failures {
            let problem = failed(failure.clone(), &Plain);
            assert_eq!(problem.status().as_u16(), status, "{failure:?}");
            let retry = problem.0.headers.iter().any(|(name, _)| name == axum::http::header::RETRY_AFTER);
            assert_eq!(retry, status == 503 || status == 429, "{failure:?}");
        }
    }

    #[test]
    fn refs_numbers_and_the_unknown_login_are_told() {
        let rejection = Rejection::UnknownLogin(1);
        let problem = failed(Failure::Refused(Refusal::from(&rejection)), &Plain);
        assert_eq!(problem.0.document.refs, ["user/bob"]);
        assert_eq!(problem.0.document.detail, "bob is not on-boarded");
        let shortage = Shortage { asked: 3, had: Tally { free: 1, ..Tally::default() } };
        let problem = failed(Failure::Refused(Refusal::from(&Rejection::JobShortage(shortage))), &Plain);
        let document = serde_json::to_value(&problem.0.document).unwrap();
        assert_eq!(document["shortage"]["asked"], 3);
        assert_eq!(document["shortage"]["free"], 1);
    }
}

use crate::cli::testing::{Player, json};
use serde_json::{Value, json as value};

const GPU: [&str; 2] = ["GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c", "GPU-00000000-0000-0000-0000-000000000002"];
const JOB: &str = "0199c0de-0000-7000-8000-000000008000";

fn unchanged() -> Value {
    value!({"position": 41, "dry_run": false, "events": []})
}

/// A command line, what it asks, and with which body.
type Commanding = (Vec<&'static str>, &'static str, Value);

/// Every sort of command.
pub(super) fn commands() -> Vec<Commanding> {
    let [a, b] = GPU;
    let mut some = vec![
        (
            vec!["pool", "create", "p", "--device", a, "--device", b],
            "POST /v1/pools",
            value!({"name": "p", "devices": [a, b]}),
        ),
        (
            vec!["pool", "create", "p", "--model", "H100", "--count", "4"],
            "POST /v1/pools",
            value!({"name": "p", "model": "H100", "count": 4}),
        ),
        (vec!["pool", "create", "p"], "POST /v1/pools", value!({"name": "p", "devices": []})),
        (vec!["pool", "add", "p", a], "PATCH /v1/pools/p/devices", value!({"add": [a]})),
        (vec!["pool", "remove", "p", a, b], "PATCH /v1/pools/p/devices", value!({"remove": [a, b]})),
        (vec!["pool", "set", "p", "--empty", "--if-match", "7"], "PUT /v1/pools/p/devices", value!({"devices": []})),
        (vec!["pool", "delete", "p"], "DELETE /v1/pools/p", Value::Null),
        (
            vec!["group", "create", "g", "--user", "Ada", "--pool", "p"],
            "POST /v1/groups",
            value!({"name": "g", "users": ["ada"], "pool": "p"}),
        ),
        (vec!["group", "create", "g"], "POST /v1/groups", value!({"name": "g", "users": [], "pool": null})),
        (
            vec!["group", "edit", "g", "--add-user", "ada", "--no-pool"],
            "PATCH /v1/groups/g",
            value!({"add_users": ["ada"], "pool": null}),
        ),
        (vec!["group", "edit", "g", "--remove-user", "ada"], "PATCH /v1/groups/g", value!({"remove_users": ["ada"]})),
        (vec!["group", "edit", "g", "--pool", "p"], "PATCH /v1/groups/g", value!({"pool": "p"})),
        (vec!["group", "delete", "g"], "DELETE /v1/groups/g", Value::Null),
        (vec!["user", "onboard", "ada", "bob"], "POST /v1/users", value!({"logins": ["ada", "bob"]})),
        (
            vec!["user", "onboard", "ada", "--no-group", "--role", "auditor"],
            "POST /v1/users",
            value!({"logins": ["ada"], "group": null, "role": "auditor"}),
        ),
        (vec!["user", "role", "ada", "auditor"], "PATCH /v1/users/ada", value!({"role": "auditor"})),
        (vec!["user", "move", "ada", "g"], "PATCH /v1/users/ada", value!({"group": "g"})),
        (vec!["user", "move", "ada", "--no-group"], "PATCH /v1/users/ada", value!({"group": null})),
        (vec!["user", "suspend", "a@b.c"], "PATCH /v1/users/a@b.c", value!({"suspended": true})),
        (vec!["user", "reinstate", "ada"], "PATCH /v1/users/ada", value!({"suspended": false})),
        (vec!["user", "delete", "ada"], "DELETE /v1/users/ada", Value::Null),
        (vec!["user", "delete", "ada", "bob"], "POST /v1/users/delete", value!({"logins": ["ada", "bob"]})),
        (vec!["user", "erase", JOB], "POST /v1/users/0199c0de-0000-7000-8000-000000008000/erase", Value::Null),
        (vec!["node", "cordon", "n.1"], "PATCH /v1/nodes/n.1", value!({"cordoned": true})),
        (vec!["node", "uncordon", "n"], "PATCH /v1/nodes/n", value!({"cordoned": false})),
        (vec!["node", "expect", "n", "--devices", "8"], "PATCH /v1/nodes/n", value!({"expected_devices": 8})),
        (vec!["node", "expect", "n", "--as-seen"], "PATCH /v1/nodes/n", value!({"expected_devices": null})),
        (vec!["node", "retire", "n"], "PATCH /v1/nodes/n", value!({"retired": true})),
        (vec!["node", "reinstate", "n"], "PATCH /v1/nodes/n", value!({"retired": false})),
        (vec!["health", "reset-breaker"], "POST /v1/health/breaker/reset", value!({})),
        (vec!["health", "reset-breaker", "p"], "POST /v1/health/breaker/reset", value!({"pool": "p"})),
        (
            vec!["job", "start", "train", "--user", "ada", "--devices", "2"],
            "POST /v1/jobs",
            value!({"name": "train", "user": "ada", "devices": 2}),
        ),
        (
            vec!["job", "start", "train", "--devices", "2", "--model", "H100"],
            "POST /v1/jobs",
            value!({"name": "train", "devices": 2, "model": "H100"}),
        ),
        (vec!["job", "finish", JOB], "DELETE /v1/jobs/0199c0de-0000-7000-8000-000000008000", Value::Null),
        (
            vec!["job", "finish", JOB, "--force", "--reason", "lost"],
            "DELETE /v1/jobs/0199c0de-0000-7000-8000-000000008000?force=true",
            Value::Null,
        ),
        (vec!["token", "revoke", JOB], "DELETE /v1/tokens/0199c0de-0000-7000-8000-000000008000", Value::Null),
        (vec!["token", "revoke", "--all", "--user", "ada"], "DELETE /v1/users/ada/tokens", Value::Null),
    ];
    some.extend(of_a_device());
    some
}

fn of_a_device() -> Vec<Commanding> {
    let [a, _] = GPU;
    vec![
        (
            vec!["device", "cordon", a],
            "PATCH /v1/devices/GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            value!({"cordoned": true}),
        ),
        (
            vec!["device", "reinstate", a],
            "PATCH /v1/devices/GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            value!({"retired": false}),
        ),
        (
            vec!["device", "override", a, "gpu.lost", "--until", "2026-03-01T12:00:00Z"],
            "PATCH /v1/devices/GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            value!({"override": {"condition": "gpu.lost", "until": "2026-03-01T12:00:00.000000Z"}}),
        ),
        (
            vec!["device", "override", a, "--lift"],
            "PATCH /v1/devices/GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            value!({"override": null}),
        ),
        (
            vec!["device", "override", a, "gpu.lost", "--lift"],
            "PATCH /v1/devices/GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            value!({"override": {"condition": "gpu.lost", "until": null}}),
        ),
        (
            vec!["device", "clear", a, "xid.fatal"],
            "PATCH /v1/devices/GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c",
            value!({"clear": "xid.fatal"}),
        ),
    ]
}

#[tokio::test]
async fn ones_own_tokens_are_revoked_without_naming_oneself() {
    let server = Player::of([json(200, &value!({"login": "ada", "role": "operator"})), json(200, &unchanged())]).await;
    let ran = server.run(&["token", "revoke", "--all"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(server.lines(), ["GET /v1/session", "DELETE /v1/users/ada/tokens"]);
}

#[tokio::test]
async fn what_each_command_asks() {
    let cases = commands();
    let server = Player::of(cases.iter().map(|_| json(200, &unchanged()))).await;
    for (arguments, line, body) in &cases {
        let ran = server.run(arguments).await;
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        assert_eq!(ran.out, "nothing changes: it is so already (at position 41)\n");
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.line, *line, "{arguments:?}");
        let sent = if asked.body.is_empty() { Value::Null } else { serde_json::from_str(&asked.body).unwrap() };
        assert_eq!(sent, *body, "{arguments:?}");
    }
}

/// Every sort of query: a command line, and what it asks.
pub(super) fn queries() -> Vec<(Vec<&'static str>, &'static str)> {
    vec![
        (vec!["pool", "list", "--group", "none"], "GET /v1/pools?group=none&limit=1000"),
        (vec!["pool", "list", "--as-of", "41", "--limit", "5"], "GET /v1/pools?as_of=41&limit=5"),
        (vec!["group", "list"], "GET /v1/groups?limit=1000"),
        (vec!["user", "list", "--role", "auditor"], "GET /v1/users?role=auditor&limit=1000"),
        (vec!["device", "idle"], "GET /v1/idle-devices?minutes=30&limit=1000"),
        (vec!["alert", "list", "--as-of", "41", "--limit", "5"], "GET /v1/alerts?as_of=41&limit=5"),
        (vec!["node", "list", "--contact", "lost"], "GET /v1/nodes?contact=lost&limit=1000"),
        (
            vec!["node", "list", "--cordoned", "--retired", "--model", "m", "--pool", "p", "--health", "fatal"],
            "GET /v1/nodes?cordoned=true&retired=true&model=m&pool=p&health=fatal&limit=1000",
        ),
        (
            vec!["device", "list", "--held-back", "--cordoned", "--overridden"],
            "GET /v1/devices?held_back=true&cordoned=true&overridden=true&limit=1000",
        ),
        (
            vec!["device", "list", "--node", "n", "--model", "m", "--retired"],
            "GET /v1/devices?node=n&model=m&retired=true&limit=1000",
        ),
        (
            vec!["job", "list", "--pool", "p", "--node", "n", "--device", GPU[0]],
            "GET /v1/jobs?pool=p&node=n&device=GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c&limit=1000",
        ),
        (vec!["group", "list", "--pool", "none"], "GET /v1/groups?pool=none&limit=1000"),
        (vec!["user", "list", "--group", "g", "--suspended"], "GET /v1/users?group=g&suspended=true&limit=1000"),
        (vec!["pool", "list", "--model", "m"], "GET /v1/pools?model=m&limit=1000"),
        (
            vec!["device", "list", "--pool", "p", "--health", "fatal", "--free"],
            "GET /v1/devices?pool=p&health=fatal&free=true&limit=1000",
        ),
        (vec!["job", "list", "--user", "ada"], "GET /v1/jobs?owner=ada&limit=1000"),
        (
            vec!["pod", "list", "--namespace", "ns", "--node", "n", "--phase", "running", "--owner", "o", "-o", "json"],
            "GET /v1/pods?namespace=ns&node=n&phase=Running&owner=o&limit=1000",
        ),
        (
            vec!["pod", "list", "--cluster", "east", "--component", "c", "--user", "ada", "-o", "json"],
            "GET /v1/pods?cluster=east&component=c&user=ada&limit=1000",
        ),
        (vec!["pod", "summary", "--node", "n"], "GET /v1/pods/summary?node=n"),
        (vec!["token", "list"], "GET /v1/tokens?limit=1000"),
        (vec!["token", "list", "--user", "ada"], "GET /v1/users/ada/tokens?limit=1000"),
    ]
}

#[tokio::test]
async fn what_each_query_asks() {
    let cases = queries();
    let empty = value!({"items": [], "next": null, "position": 41});
    let server = Player::of(cases.iter().map(|_| json(200, &empty))).await;
    for (arguments, line) in &cases {
        let ran = server.run(arguments).await;
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        assert_eq!(server.lines().pop().unwrap(), *line, "{arguments:?}");
    }
}

#[tokio::test]
async fn what_comes_with_a_command() {
    let server = Player::of([json(200, &unchanged()), json(200, &unchanged())]).await;
    server.run(&["pool", "delete", "p", "--reason", "zu alt: 100%", "--planned-at", "40", "--if-match", "7"]).await;
    server.run(&["pool", "delete", "p", "--dry-run"]).await;
    let asked = server.asked();
    assert_eq!(asked[0].header("dkube-reason"), "zu alt: 100%25");
    assert_eq!(asked[0].header("dkube-planned-at"), "40");
    assert_eq!(asked[0].header("if-match"), "\"7\"");
    assert_eq!(asked[1].line, "DELETE /v1/pools/p?dry_run=true");
    assert_eq!(asked[1].header("idempotency-key"), "", "a dry run has none");
}

#[tokio::test]
async fn a_whole_set_is_written_on_the_revision_that_was_read() {
    let pool = value!({"name": "p", "devices": [], "revision": 39});
    let server = Player::of([json(200, &pool), json(200, &unchanged())]).await;
    let ran = server.run(&["pool", "set", "p", GPU[0]]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(server.lines(), ["GET /v1/pools/p", "PUT /v1/pools/p/devices"]);
    assert_eq!(server.asked()[1].header("if-match"), "\"39\"");
}

#[tokio::test]
async fn what_came_of_a_command() {
    let answer = value!({"position": 42, "dry_run": false, "events": [
        {"position": 41, "id": "i", "type": "PoolUnbound", "subject": "group/g", "time": "2026-03-01T12:00:00.000001Z",
         "actor": "user/ada", "data": {"group": "g", "pool": "p"}},
        {"position": 42, "id": "j", "type": "PoolDeleted", "subject": "pool/p", "time": "2026-03-01T12:00:00.000002Z",
         "actor": "user/ada", "data": {"name": "p"}}],
        "warnings": [{"code": "group_without_pool", "detail": "the group has no pool now", "group": "g"}]});
    let server = Player::of([json(200, &answer), json(200, &answer)]).await;
    let ran = server.run(&["pool", "delete", "p"]).await;
    let expected = "\
POSITION  EVENT        SUBJECT  WHAT
      41  PoolUnbound  group/g  pool=p
      42  PoolDeleted  pool/p
";
    assert_eq!(ran.out, expected);
    assert_eq!(ran.err, "warning: the group has no pool now: group=g\n");
    let ran = server.run(&["-o", "json", "pool", "delete", "p"]).await;
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), answer);
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn what_would_come_of_a_command() {
    let answer = value!({"position": 40, "dry_run": true,
        "events": [{"type": "PoolDeleted", "subject": "pool/p", "actor": "user/ada", "data": {"name": "p"}}]});
    let server = Player::of([json(200, &answer)]).await;
    let ran = server.run(&["pool", "delete", "p", "--dry-run"]).await;
    let expected = "\
a dry run: nothing was recorded; this would be
EVENT        SUBJECT  WHAT
PoolDeleted  pool/p
";
    assert_eq!(ran.out, expected);
}

fn pool(name: &str) -> Value {
    value!({"name": name, "models": ["H100"], "devices": ["a", "b"], "idle": 1, "busy": 1, "quarantined": 0,
        "cordoned": 0, "unknown": 0, "missing": 0, "group": null, "revision": 7})
}

#[tokio::test]
async fn a_list_is_followed_to_its_end() {
    let pages = || {
        [
            json(200, &value!({"items": [pool("a"), pool("b")], "next": "b", "position": 41})),
            json(200, &value!({"items": [pool("c")], "next": null, "position": 42})),
        ]
    };
    let server = Player::of(pages().into_iter().chain(pages())).await;
    let ran = server.run(&["pool", "list"]).await;
    let expected = "\
NAME  MODEL  DEVICES  IDLE  BUSY  QUARANTINED  CORDONED  UNKNOWN  MISSING  GROUP
a     H100         2     1     1            0         0        0        0  -
b     H100         2     1     1            0         0        0        0  -
c     H100         2     1     1            0         0        0        0  -
";
    assert_eq!(ran.out, expected, "{ran:?}");
    assert_eq!(server.lines(), ["GET /v1/pools?limit=1000", "GET /v1/pools?limit=1000&after=b"]);
    let ran = server.run(&["-o", "json", "pool", "list"]).await;
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document, value!({"items": [pool("a"), pool("b"), pool("c")], "next": null, "position": 41}));
}

#[tokio::test]
async fn that_no_agent_is_heard_is_said_once_beside_the_answer() {
    let unheard = |page: Value| json(200, &page).with("dkube-unheard-since", "2026-03-01T12:00:00.000001Z");
    let page = |name: &str, next: Value| unheard(value!({"items": [pool(name)], "next": next, "position": 41}));
    let refused = value!({"status": 404, "code": "node.not_found", "title": "There is no such node"});
    let answers = [page("a", value!("a")), page("b", Value::Null), page("c", Value::Null), json(404, &refused)];
    let server = Player::of(answers).await;
    let note = "note: the server hears no agent since 2026-03-01 12:00:00 UTC: what is shown of nodes and devices is as it was then\n";
    let ran = server.run(&["pool", "list"]).await;
    assert_eq!((ran.code, ran.err.as_str(), ran.out.lines().count()), (0, note, 3), "{ran:?}");
    let ran = server.run(&["-o", "json", "pool", "list"]).await;
    assert_eq!(ran.err, note);
    assert!(serde_json::from_str::<Value>(&ran.out).is_ok(), "{ran:?}");
    let ran = server.run(&["node", "show", "n"]).await;
    assert!(!ran.err.contains("hears no agent"), "{ran:?}");
}

#[tokio::test]
async fn a_limit_is_kept_and_more_is_said() {
    let server = Player::of([json(200, &value!({"items": [pool("a")], "next": "a", "position": 41}))]).await;
    let ran = server.run(&["pool", "list", "--limit", "1"]).await;
    assert_eq!(server.lines(), ["GET /v1/pools?limit=1"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "there is more: raise --limit\n"));
}

#[tokio::test]
async fn a_page_may_be_empty_and_lead_on() {
    let seen = value!({"position": 3, "type": "PoolCreated", "subject": "pool/p", "time": "2026-03-01T12:00:00.000001Z",
        "actor": "user/ada", "reason": "because", "data": {}});
    let server = Player::of([
        json(200, &value!({"events": [], "next": "9", "position": 41})),
        json(200, &value!({"events": [seen], "next": null, "position": 41})),
    ])
    .await;
    let ran =
        server.run(&["audit", "list", "--type", "PoolCreated", "--type", "PoolDeleted", "--actor", "user/ada"]).await;
    let expected = "\
POSITION  TIME                     EVENT        SUBJECT  WHAT  ACTOR     WHY
       3  2026-03-01 12:00:00 UTC  PoolCreated  pool/p         user/ada  because
";
    assert_eq!(ran.out, expected, "{ran:?}");
    let query = "actor=user%2Fada&type=PoolCreated%2CPoolDeleted&order=desc";
    assert_eq!(
        server.lines(),
        [format!("GET /v1/audit?{query}&limit=100"), format!("GET /v1/audit?{query}&limit=100&after=9")]
    );
}

#[tokio::test]
async fn an_export_is_whole_or_not_there() {
    use crate::cli::testing::text;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.csv");
    let to = path.to_str().unwrap();
    let broken = futures::stream::iter([Ok(b"a,b\n".to_vec()), Err(std::io::Error::other("broke"))]);
    let server = Player::of([
        text(200, "text/csv; charset=utf-8; header=present", axum::body::Body::from_stream(broken)),
        text(200, "text/csv; charset=utf-8; header=present", "a,b\n1,2\n"),
        text(200, "application/x-ndjson", "{}\n"),
    ])
    .await;
    let csv = ["audit", "export", "--format", "csv", "--to-file", to];
    let ran = server.run(&csv).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let ran = server.run(&csv).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,2\n");
    assert_eq!(server.asked()[1].header("accept"), "text/csv");
    let ran = server.run(&csv).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    let ran = server.run(&["audit", "export"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "{}\n"));
}

#[tokio::test]
async fn a_list_that_goes_in_circles_ends() {
    let page = || json(200, &value!({"items": [pool("a")], "next": "a", "position": 41}));
    let server = Player::of([page(), page(), page()]).await;
    let ran = server.run(&["pool", "list"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("goes in circles"), "{ran:?}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn one_thing_is_shown_by_its_fields() {
    let server = Player::of([json(200, &pool("a"))]).await;
    let ran = server.run(&["pool", "show", "a", "--as-of", "2026-03-01T12:00:00Z", "--min-position", "9"]).await;
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "GET /v1/pools/a?as_of=2026-03-01T12%3A00%3A00Z");
    assert_eq!(asked.header("dkube-min-position"), "9");
    assert!(ran.out.contains("devices      a\n             b\n") && ran.out.contains("revision     7\n"), "{ran:?}");
}

#[tokio::test]
async fn a_device_is_named_by_the_beginning_of_its_uuid_or_its_place() {
    let device = |id: &str, index: u32| value!({"uuid": id, "node": "n", "presence": "present", "index": index});
    let list = value!({"items": [device(GPU[0], 0), device(GPU[1], 1)], "next": null, "position": 41});
    let answers = [&list, &unchanged(), &list, &unchanged(), &list, &list, &unchanged(), &list];
    let server = Player::of(answers.map(|answer| json(200, answer))).await;
    for arguments in [["device", "cordon", "4f1c"], ["device", "cordon", "n/1"]] {
        let ran = server.run(&arguments).await;
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = server.run(&["pool", "add", "p", "GPU-0000", "n/0"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = server.lines();
    let behind = "GET /v1/devices?after=GPU-4f1bffff-ffff-ffff-ffff-ffffffffffff&limit=11";
    assert_eq!(lines[..2], [behind, &format!("PATCH /v1/devices/{}", GPU[0])]);
    assert_eq!(lines[2..4], ["GET /v1/devices?node=n&limit=1000", &format!("PATCH /v1/devices/{}", GPU[1])]);
    assert_eq!(lines[4..6], ["GET /v1/devices?limit=11", "GET /v1/devices?node=n&limit=1000"]);
    assert_eq!(server.asked()[6].body, value!({"add": [GPU[1], GPU[0]]}).to_string());
    let ran = server.run(&["device", "show", "abcd"]).await;
    assert!(ran.code != 0 && ran.err.contains("no device's UUID begins with GPU-abcd"), "{ran:?}");
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    use clap::Parser;
    let cases: &[&[&str]] = &[
        &["pool", "create", "Vision"],
        &["pool", "create", "p", "--model", "H100"],
        &["pool", "create", "p", "--device", GPU[0], "--count", "1", "--model", "m"],
        &["pool", "add", "p"],
        &["pool", "set", "p"],
        &["pool", "delete", "p", "--dry-run", "--idempotency-key", "k"],
        &["group", "edit", "g"],
        &["group", "edit", "g", "--pool", "p", "--no-pool"],
        &["user", "onboard"],
        &["user", "role", "ada", "king"],
        &["user", "move", "ada"],
        &["user", "move", "ada", "g", "--no-group"],
        &["job", "start", "train"],
        &["job", "start", "train", "--devices", "0"],
        &["job", "finish", JOB, "--force"],
        &["device", "cordon", "GPU-1"],
        &["token", "revoke"],
        &["token", "revoke", "--user", "ada"],
        &["token", "revoke", JOB, "--all"],
        &["token", "revoke", JOB, "--user", "ada"],
        &["pool", "list", "--limit", "0"],
        &["pool", "list", "--as-of", "yesterday"],
    ];
    for arguments in cases {
        let all = std::iter::once(&"dkube").chain(*arguments);
        let error = crate::cli::Cli::try_parse_from(all).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{arguments:?}");
    }
}

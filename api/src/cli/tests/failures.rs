use crate::{
    cli::testing::{Player, json, text},
    settings::Environment,
};
use serde_json::json as value;

fn problem(code: &str, detail: &str) -> serde_json::Value {
    value!({"type": format!("/problems/{code}"), "title": "t", "code": code, "detail": detail})
}

fn done() -> serde_json::Value {
    value!({"position": 42, "dry_run": false, "events": [
        {"position": 42, "id": "i", "type": "PoolDeleted", "subject": "pool/vision", "time": "2026-03-01T12:00:00.000001Z",
         "actor": "user/ada", "data": {"name": "vision"}}]})
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_key() {
    let busy = || json(503, &problem("server.overloaded", "too many commands are waiting")).with("retry-after", "0");
    let server = Player::of([busy(), busy(), json(200, &done())]).await;
    let ran = server.run(&["pool", "delete", "vision"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    let key = asked[0].header("idempotency-key");
    assert!(key.len() > 20, "{key}");
    assert!(asked.iter().all(|asked| asked.header("idempotency-key") == key));
    assert!(asked.iter().all(|asked| asked.header("authorization") == "Bearer token-of-ada"));
}

#[tokio::test]
async fn two_runs_have_two_keys() {
    let server = Player::of([json(200, &done()), json(200, &done())]).await;
    for _ in 0..2 {
        server.run(&["pool", "delete", "vision"]).await;
    }
    let asked = server.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

#[tokio::test]
async fn retries_have_an_end() {
    let unknown = || json(503, &problem("outcome.unknown", "it is not known whether the command was recorded"));
    let server = Player::of((0..9).map(|_| unknown())).await;
    let ran = server.run(&["--retries", "2", "pool", "delete", "vision", "--idempotency-key", "k-1"]).await;
    assert_eq!(ran.code, 5);
    assert_eq!(server.asked().len(), 3);
    assert_eq!(
        ran.err,
        "error: it is not known whether the command was recorded (outcome.unknown)\n  \
         it may have happened; to be sure, run the same again with --idempotency-key k-1\n"
    );
}

#[tokio::test]
async fn exit_codes_follow_the_status() {
    let cases = [
        (400, "request.query", 2),
        (401, "auth.required", 4),
        (403, "auth.forbidden", 4),
        (404, "pool.not_found", 3),
        (409, "pool.busy", 3),
        (412, "condition.failed", 3),
        (413, "request.too_large", 2),
        (422, "idempotency.key_reused", 3),
        (428, "if_match.required", 3),
        (429, "auth.slow_down", 5),
        (500, "server.fault", 1),
        (503, "server.stopping", 5),
    ];
    for (status, code, exit) in cases {
        let server = Player::of([json(status, &problem(code, "why"))]).await;
        let ran = server.run(&["--retries", "0", "pool", "delete", "vision"]).await;
        assert_eq!(ran.code, exit, "{status}: {ran:?}");
        assert!(ran.err.starts_with(&format!("error: why ({code})\n")), "{ran:?}");
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn what_the_rules_refuse_is_asked_once() {
    let mut busy = problem("pool.busy", "1 of the devices have active jobs");
    busy["refs"] = value!(["job/0199c0de-0000-7000-8000-000000008000"]);
    let server = Player::of([json(409, &busy)]).await;
    let ran = server.run(&["pool", "delete", "vision"]).await;
    assert_eq!(server.asked().len(), 1);
    let expected = "\
error: 1 of the devices have active jobs (pool.busy)
  job/0199c0de-0000-7000-8000-000000008000
  finish these jobs first: dkube job finish ID; somebody else's: with --force --reason TEXT
";
    assert_eq!((ran.code, ran.err.as_str()), (3, expected));
}

#[tokio::test]
async fn programs_get_the_problem_as_it_is() {
    let server = Player::of([json(409, &problem("pool.busy", "why"))]).await;
    let ran = server.run(&["-o", "json", "pool", "delete", "vision"]).await;
    let document: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(document["code"], "pool.busy");
    assert_eq!(document["status"], 409);
    assert_eq!(document["type"], "/problems/pool.busy");
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::of([("XDG_CONFIG_HOME", folder.path().to_str().unwrap())]);
    let server = Player::of([]).await;
    let ran = server.run_in(&["pool", "list"], &environment).await;
    assert_eq!(ran.code, 4);
    assert_eq!(ran.err, "error: not signed in to http://SERVER/\n  sign in with: dkube login\n");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable() {
    let server = Player::of([]).await;
    // Bound, and so nobody else's; but nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = socket.local_addr().unwrap();
    let ran = server.run(&["--server", &format!("http://{nobody}"), "--retries", "1", "pool", "list"]).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.starts_with(&format!("error: cannot reach the server at http://{nobody}/: ")), "{ran:?}");
}

#[tokio::test]
async fn what_is_no_dkube_server_is_named_so() {
    let cases = [
        (
            text(502, "text/html", "<html>Bad Gateway</html>"),
            5,
            "answered 502 Bad Gateway, and not as a DKube server does",
        ),
        (text(200, "text/html", "<html>Hello</html>"), 1, "answered something that is not JSON"),
        (text(301, "text/html", "").with("location", "https://else"), 1, "give the address that it redirects to"),
        (json(200, &value!({"hello": 1})), 1, "the server's list has no items"),
    ];
    for (answer, code, said) in cases {
        let server = Player::of([answer]).await;
        let ran = server.run(&["--retries", "0", "pool", "list"]).await;
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains(said), "{ran:?}");
    }
}

#[tokio::test]
async fn an_answer_has_a_bound() {
    let endless = axum::body::Body::from_stream(futures::stream::iter(
        (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])),
    ));
    let server = Player::of([text(200, "application/json", endless)]).await;
    let ran = server.run(&["pool", "list"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("is larger than 67108864 bytes"), "{ran:?}");
}

#[tokio::test]
async fn a_sign_in_goes_in_clear_only_where_that_is_said_to_be_fine() {
    let server = Player::of([]).await;
    let ran = server.run(&["--server", "http://dkube.example", "pool", "list"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("http sends passwords and tokens in clear"), "{ran:?}");
    let ran = server.run(&["--server", "https://ada:secret@dkube.example", "pool", "list"]).await;
    assert_eq!(ran.code, 2);
    assert!(!ran.err.contains("secret"), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_long_pause_is_not_waited_for() {
    let full = json(503, &problem("server.read_only", "the log takes nothing at present")).with("retry-after", "30");
    let server = Player::of([full]).await;
    let ran = server.run(&["pool", "delete", "vision"]).await;
    assert_eq!((ran.code, server.asked().len()), (5, 1));
    let expected = "\
error: the log takes nothing at present (server.read_only)
  look at the server: its disk may be full; reading goes on
";
    assert_eq!(ran.err, expected);
}

#[tokio::test]
async fn a_command_that_may_have_happened_is_named_so_whatever_comes_after() {
    let unknown = || json(503, &problem("outcome.unknown", "it is not known")).with("retry-after", "0");
    let arguments = ["--retries", "1", "pool", "delete", "vision", "--idempotency-key", "k-1"];
    for (status, code, open) in [(503, "server.stopping", true), (401, "auth.invalid", true), (409, "pool.busy", false)]
    {
        let server = Player::of([unknown(), json(status, &problem(code, "why"))]).await;
        let ran = server.run(&arguments).await;
        assert_eq!(ran.err.contains("--idempotency-key k-1"), open, "{ran:?}");
    }
}

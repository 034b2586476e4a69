use crate::{
    cli::testing::{Played, Player, Ran, json},
    settings::Environment,
};
use serde_json::{Value, json as value};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

const TOKEN: &str = "0199c0de-0000-7000-8000-000000008000";

fn session() -> Played {
    let body =
        value!({"login": "ada", "role": "operator", "csrf_token": "csrf-1", "expires_at": "2026-03-02T12:00:00Z"});
    json(200, &body).with("set-cookie", "dkube_session=cookie-1; Path=/; HttpOnly; SameSite=Lax")
}

fn token(secret: Option<&str>) -> Played {
    json(
        201,
        &value!({"position": 42, "dry_run": false, "events": [], "warnings": [], "token":
        {"id": TOKEN, "name": "n", "scope": "full", "expires_at": "2026-03-31T12:00:00Z", "secret": secret}}),
    )
}

fn done() -> Played {
    json(200, &value!({"position": 43, "dry_run": false, "events": []}))
}

async fn run(server: &Player, folder: &Path, arguments: &[&str]) -> Ran {
    let environment = Environment::of([("XDG_CONFIG_HOME", folder.to_str().unwrap())]);
    server.run_in(arguments, &environment).await
}

fn password(folder: &Path) -> String {
    let path = folder.join("password");
    fs::write(&path, "correct horse battery\n").unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn signing_in_keeps_a_token_and_signing_out_revokes_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = password(folder.path());
    let list = json(200, &value!({"items": [], "next": null, "position": 1}));
    let server = Player::of([session(), token(Some("dk_secret")), json(200, &Value::Null), list, done()]).await;

    let ran = run(&server, folder.path(), &["login", "--login", "ada", "--password-file", &file]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out, "signed in to http://SERVER/ as ada until 2026-03-31 12:00:00 UTC\n");
    let asked = server.asked();
    assert_eq!(server.lines(), ["POST /v1/session", "POST /v1/tokens", "DELETE /v1/session"]);
    assert_eq!(
        serde_json::from_str::<Value>(&asked[0].body).unwrap(),
        value!({"login": "ada", "password": "correct horse battery"})
    );
    for asked in &asked[1..] {
        assert_eq!((asked.header("cookie"), asked.header("x-csrf-token")), ("dkube_session=cookie-1", "csrf-1"));
    }
    let kept = folder.path().join("dkube/credentials.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);

    let ran = run(&server, folder.path(), &["pool", "list"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(server.asked()[3].header("authorization"), "Bearer dk_secret");

    let ran = run(&server, folder.path(), &["logout"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "signed out of http://SERVER/\n"));
    assert_eq!(server.lines()[4], format!("DELETE /v1/tokens/{TOKEN}"));
    assert!(!fs::read_to_string(&kept).unwrap().contains("dk_secret"));
}

#[tokio::test]
async fn the_token_of_an_earlier_sign_in_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let file = password(folder.path());
    let first = [session(), token(Some("dk_one")), json(200, &Value::Null)];
    let second = [session(), token(Some("dk_two")), done(), json(200, &Value::Null)];
    let server = Player::of(first.into_iter().chain(second)).await;
    for _ in 0..2 {
        let ran = run(&server, folder.path(), &["login", "--login", "ada", "--password-file", &file]).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    }
    assert_eq!(server.lines()[5], format!("DELETE /v1/tokens/{TOKEN}"));
}

#[tokio::test]
async fn a_token_whose_secret_was_lost_is_revoked_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = password(folder.path());
    let server = Player::of([session(), token(None), done(), token(Some("dk_two")), json(200, &Value::Null)]).await;
    let ran = run(&server, folder.path(), &["login", "--login", "ada", "--password-file", &file]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let asked = server.asked();
    assert_ne!(asked[1].header("idempotency-key"), asked[3].header("idempotency-key"));
    assert!(fs::read_to_string(folder.path().join("dkube/credentials.json")).unwrap().contains("dk_two"));
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = password(folder.path());
    let server =
        Player::of([json(401, &value!({"code": "auth.failed", "detail": "login or password is wrong"}))]).await;
    let ran = run(&server, folder.path(), &["login", "--login", "ada", "--password-file", &file]).await;
    assert_eq!((ran.code, ran.err.as_str()), (4, "error: login or password is wrong (auth.failed)\n"));
    assert_eq!(server.asked().len(), 1);
    assert!(!folder.path().join("dkube").exists());
}

#[tokio::test]
async fn a_password_is_not_sent_again_when_nobody_knows_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = password(folder.path());
    let server = Player::of([json(503, &value!({"code": "server.overloaded", "detail": "busy"})), session()]).await;
    let ran = run(&server, folder.path(), &["login", "--login", "ada", "--password-file", &file]).await;
    assert_eq!(ran.code, 5);
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_token_is_made_in_a_session_and_shown_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = password(folder.path());
    let server = Player::of([session(), token(Some("dk_secret")), json(200, &Value::Null)]).await;
    let arguments = ["token", "create", "ci", "--login", "ada", "--password-file", &file, "--expires-in-days", "7"];
    let ran = server.run(&arguments).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, "dk_secret\n"));
    let body: Value = serde_json::from_str(&server.asked()[1].body).unwrap();
    assert_eq!(body, value!({"name": "ci", "scope": "read", "expires_in_days": 7}));
    assert_eq!(server.asked()[1].header("authorization"), "", "a token makes no tokens");
}
